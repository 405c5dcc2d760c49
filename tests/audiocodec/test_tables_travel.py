"""Tables of entropy coding go with their weights: saved, pushed, pulled, exported and found."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save

import audiocodec
from audiocodec.codec import Codec
from audiocodec.codes import Codes
from audiocodec.edit import truncate_file
from audiocodec.entropy_tables import (
    FILE,
    read_tables,
    tables_beside,
    tables_named,
    tables_of_model,
)
from audiocodec.errors import UnknownModel, WrongModel

# The client's own, when it uploads by plain HTTP.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def model(tmp_path: Path, tiny_codec: Codec) -> Path:
    """A folder with a tiny codec and tables for it: low codes are more likely."""
    folder = tmp_path / "model"
    identity = tiny_codec.save(folder)
    counts = {
        f"counts.{level}": (60000 / (1 + np.arange(size) ** 2)).astype(np.int32)
        for level, size in enumerate(tiny_codec.spec.codebook_sizes)
    }
    facts = {"kind": "static", "weights_sha256": identity.weights_sha256}
    (folder / FILE).write_bytes(save(counts, metadata=facts))
    return folder


def likely(codec: Codec) -> Codes:
    """Codes that the tables of `model` make small."""
    codes = codec.encode(torch.zeros(4000))
    return Codes(np.zeros_like(codes.indices), codes.spec, codes.source, codec.identity)


def test_a_saved_codec_keeps_its_tables(model: Path, tmp_path: Path) -> None:
    codec = audiocodec.load(model)
    assert codec.tables is not None
    codec.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / FILE).read_bytes() == (model / FILE).read_bytes()
    codec.save(tmp_path / "other", dtype=torch.bfloat16)
    other = audiocodec.load(tmp_path / "other")
    assert other.tables is not None, "the file names the hash of the weights as they are now"
    assert other.tables.identity != codec.tables.identity
    facts = read_tables(tmp_path / "other" / FILE)
    assert other.identity is not None and facts.weights_sha256 == other.identity.weights_sha256
    weights = tmp_path / "again" / "model.safetensors"
    assert codec.identity is not None
    assert tables_beside(weights, codec.identity.weights_sha256) is not None, "by one of its files"


def test_no_tables_none_saved(model: Path, tmp_path: Path) -> None:
    (model / FILE).unlink()
    audiocodec.load(model).save(tmp_path / "again")
    assert not (tmp_path / "again" / FILE).exists()


def test_codes_use_the_tables_that_are_given(model: Path, tmp_path: Path) -> None:
    codec = audiocodec.load(model)
    codes = likely(codec)
    codes.save(tmp_path / "coded.codes", tables=codec.tables)
    codes.save(tmp_path / "packed.codes", tables=codec.tables, entropy=False)
    sizes = [(tmp_path / f"{name}.codes").stat().st_size for name in ("coded", "packed")]
    assert sizes[0] < sizes[1]
    with pytest.raises(WrongModel):
        Codes.load(tmp_path / "coded.codes")
    again = Codes.load(tmp_path / "coded.codes", tables=codec.tables)
    assert np.array_equal(again.indices, codes.indices)


def test_tables_of_a_folder_divide_a_layer(model: Path, tmp_path: Path) -> None:
    codec = audiocodec.load(model)
    whole, low = tmp_path / "whole.codes", tmp_path / "low.codes"
    likely(codec).save(whole, tables=codec.tables)
    with pytest.raises(WrongModel, match="give the model"):
        truncate_file(whole, low, levels=1)
    truncate_file(whole, low, levels=1, tables=tables_of_model(model))
    assert Codes.load(low, tables=codec.tables).levels == 1
    (model / FILE).unlink()
    with pytest.raises(UnknownModel, match=f"no {FILE} there"):
        tables_of_model(model)


def test_tables_go_to_the_hub_and_are_found_in_its_cache(
    hub: Any, model: Path, tmp_path: Path
) -> None:
    codec = audiocodec.load(model)
    codec.push_to_hub("user/model", token="hf_good")
    with pytest.raises(UnknownModel, match="codec pull"):
        tables_of_model("user/model")
    pulled = audiocodec.load("user/model")
    assert pulled.tables is not None and codec.tables is not None and pulled.identity is not None
    assert pulled.tables.identity == codec.tables.identity
    assert tables_of_model("user/model").identity == codec.tables.identity
    assert tables_of_model("user/model@main").identity == codec.tables.identity
    pinned = f"user/model@{pulled.identity.revision}"
    assert tables_of_model(pinned).identity == codec.tables.identity
    likely(pulled).save(tmp_path / "a.codes")  # nobody says which tables
    likely(pulled).save(tmp_path / "packed.codes", entropy=False)
    assert (tmp_path / "a.codes").stat().st_size < (tmp_path / "packed.codes").stat().st_size
    assert Codes.load(tmp_path / "a.codes").model == pulled.identity
    truncate_file(tmp_path / "a.codes", tmp_path / "low.codes", levels=1)
    assert Codes.load(tmp_path / "low.codes").levels == 1
    assert tables_named(codec.tables.identity, model_name="user/other") is None
    assert tables_named(codec.tables.identity, model_name="../..") is None
