"""Tables for entropy coding as files: whose they are, and what is not one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from audiocodec import entropy_tables
from audiocodec.codes import Codes, ModelIdentity, Source
from audiocodec.entropy_tables import (
    FILE,
    TablesFile,
    read_tables,
    tables_beside,
    tables_for,
    tables_named,
)
from audiocodec.errors import WrongModel
from audiocodec.spec import CodecSpec

GOLDEN = Path(__file__).parents[1] / "golden" / "bitstream"
CONTEXT = GOLDEN / "context.safetensors"


def facts_of(path: Path) -> dict[str, str]:
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return dict(header["__metadata__"])


def test_the_name_is_the_hash_of_the_file(tmp_path: Path) -> None:
    found = read_tables(CONTEXT)
    other = tmp_path / "other.safetensors"
    save_file(load_file(CONTEXT), other, metadata={**facts_of(CONTEXT), "note": "same numbers"})
    assert read_tables(other).tables.identity != found.tables.identity
    assert len(found.tables.identity) == 16


def test_tables_beside_a_model_are_for_its_weights(tmp_path: Path) -> None:
    assert tables_beside(tmp_path, "ab" * 32) is None
    facts = {**facts_of(CONTEXT), "weights_sha256": "ab" * 32}
    save_file(load_file(CONTEXT), tmp_path / FILE, metadata=facts)
    assert tables_beside(tmp_path, "ab" * 32) is not None
    assert tables_beside(tmp_path, "cd" * 32) is None, "of other weights, and no use"


def test_they_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    context, static = read_tables(CONTEXT), read_tables(GOLDEN / "static.safetensors")
    monkeypatch.setattr(entropy_tables, "embedded_tables", lambda: TablesFile(context.tables, "x"))
    assert tables_named(context.tables.identity) is context.tables
    assert tables_named(static.tables.identity) is None
    assert tables_named(static.tables.identity, None, static.tables) is static.tables
    assert tables_named("") is None
    found = tables_for(ModelIdentity("m", "", "x"))
    assert found is not None and found.tables is context.tables
    assert tables_for(ModelIdentity("m", "", "y")) is None and tables_for(None) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "magic"}, "of kind 'magic'"),
        ({"window": "two"}, "not tables"),
        ({"window": "2"}, "contradict"),
        ({"sum_shift": "-1"}, "contradict"),
        ({"kind": "static"}, "not tables"),
    ],
)
def test_files_that_are_none(tmp_path: Path, change: dict[str, str], message: str) -> None:
    path = tmp_path / FILE
    save_file(load_file(CONTEXT), path, metadata={**facts_of(CONTEXT), **change})
    with pytest.raises(WrongModel, match=message):
        read_tables(path)


def test_arrays_that_are_missing_or_of_no_use(tmp_path: Path) -> None:
    path, arrays = tmp_path / FILE, load_file(CONTEXT)
    save_file({**arrays, "powers": np.zeros(4, np.int32)}, path, metadata=facts_of(CONTEXT))
    with pytest.raises(WrongModel, match="contradict"):
        read_tables(path)
    del arrays["gains"]
    save_file(arrays, path, metadata=facts_of(CONTEXT))
    with pytest.raises(WrongModel, match="not tables"):
        read_tables(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(WrongModel, match="not tables"):
        read_tables(path)


def test_codes_are_saved_and_loaded_by_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(CONTEXT, tmp_path / FILE)
    tables = read_tables(tmp_path / FILE).tables
    monkeypatch.setattr(entropy_tables, "embedded_tables", lambda: TablesFile(tables, "ab" * 32))
    spec = CodecSpec(16000, 1, 320, (16,) * 6)
    header_like = Codes(
        np.zeros((1, 6, 70), np.int32),
        spec,
        Source(16000, 1, 70 * 320),
        ModelIdentity("m", "", "ab" * 32),
    )
    header_like.save(tmp_path / "coded.codes")
    header_like.save(tmp_path / "packed.codes", entropy=False)
    found = Codes.load(tmp_path / "coded.codes")
    assert np.array_equal(found.indices, header_like.indices)
    assert found.model == header_like.model
    other = replace(header_like, model=ModelIdentity("m", "", "cd" * 32))
    other.save(tmp_path / "other.codes")
    assert (tmp_path / "other.codes").stat().st_size == (tmp_path / "packed.codes").stat().st_size
