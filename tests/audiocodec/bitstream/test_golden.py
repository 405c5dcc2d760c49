"""Golden files never change, and every reader from now on reads them; their README says why."""

import hashlib
import io
import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiocodec.bitstream import Gap, Packet, Reader
from audiocodec.entropy_tables import read_tables
from audiocodec.errors import UnsupportedVersion, WrongModel

GOLDEN = Path(__file__).parents[2] / "golden" / "bitstream"
TABLES = {
    tables.identity: tables
    for tables in (read_tables(path).tables for path in GOLDEN.glob("*.safetensors"))
}
EXPECTED: dict[str, dict[str, Any]] = json.loads((GOLDEN / "expected.json").read_text())
SHA256 = {
    "coded_context.codes": "64e7905bcf745d7d39ea046df184cbe383170cdbe3d31834d1d569841027fe89",
    "coded_static.codes": "b48d8683b18adcb49756a6e2dbb93e76b8f37647eb8688bd7afadbd8c57fed5d",
    "context.safetensors": "800e2e57b013f627b34f1f5d263feec58205e5cf04eb46d81bca1e0f803cdb7c",
    "empty.codes": "e54d5ff7697bc3f9e340df30f43c1ea05a965387fe49277b0fd266c741e527a0",
    "expected.json": "bf3e01e5443b7e51afefa2ea9a0a7e30ab460d8ab04f42a536e8d2303a8740f5",
    "extended.codes": "e4c0d7feb13cfb908008f92becd1ab8a96551ac8eaab7056814e9b09fae236fd",
    "live.codes": "bf18deb2deeca6e8ccdcef50aa6504d60eab34de484563ab8c0ea0242c4cde14",
    "mono.codes": "1a56ca32b5cbaa9f308c8ee82547963257408bcebb9a58d38a603c65243bc71b",
    "newer.codes": "9cbae82953dbe7ba3b5223148d5eb9dc3911992867dd5bb1c2b653260f8e988d",
    "segments.codes": "f3759b0c9956cf8bde48b5bea160654d0e3e2856cd1760de918f61ca4007f92f",
    "static.safetensors": "7a77a236dd99b985ee7423445c749a30b6370ee543d190b19f7c10adc52ef05e",
    "stereo.codes": "b3b6577dbc5a269d0b8bfcec8878a2869c8540411cc4e0eeec66eefca9d13a34",
    "strides.codes": "e937636113eba715a3ad0837fa0167d92c4536fd6486e7a0274516e59a322602",
}


def test_the_files_are_the_ones_that_were_made_once() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in GOLDEN.iterdir()}
    assert {name: found.get(name) for name in SHA256} == SHA256
    files = {path.name for pattern in ("*.codes", "*.safetensors") for path in GOLDEN.glob(pattern)}
    assert files | {"expected.json"} == set(SHA256)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_reader_finds_what_they_hold(name: str) -> None:
    expected = EXPECTED[name]
    with (GOLDEN / f"{name}.codes").open("rb") as file:
        reader = Reader(file)
        reader.tables = TABLES.get(reader.header.entropy_tables)
        items = list(reader)
    packets = [item for item in items if isinstance(item, Packet)]
    assert [p.first_frame for p in packets] == [p["first_frame"] for p in expected["packets"]]
    assert [p.indices.tolist() for p in packets] == [p["indices"] for p in expected["packets"]]
    assert [p.scales is None or p.scales.tolist() for p in packets] == [
        p.get("scales", True) for p in expected["packets"]
    ]
    gaps = [[item.first_frame, item.frames] for item in items if isinstance(item, Gap)]
    assert gaps == expected["gaps"]
    assert reader.source_samples == expected["source_samples"]


def test_what_they_hold_is_what_their_script_put_in() -> None:
    script = runpy.run_path(str(GOLDEN / "make.py"))
    codes = script["codes"](script["MONO"], 10)
    parts = [packet["indices"] for packet in EXPECTED["mono"]["packets"]]
    assert np.array_equal(np.concatenate(parts, axis=2), codes)


def test_the_writer_still_writes_them() -> None:
    # Not a promise: a later writer may choose other bytes. Then drop the file from this test,
    # and keep the file.
    for name, maker in runpy.run_path(str(GOLDEN / "make.py"))["FILES"].items():
        assert maker() == (GOLDEN / f"{name}.codes").read_bytes(), name


def test_the_header_of_each_is_read() -> None:
    stereo = Reader(io.BytesIO((GOLDEN / "stereo.codes").read_bytes())).header
    assert stereo.metadata == (("title", "Gold"), ("artist", "Ä"), ("artist", "β"))
    assert stereo.codebook_sizes == (1, 2, 3, 5, 256, 1 << 24)
    assert (stereo.rows, stereo.source_ndim, stereo.source_sample_rate_hz) == (2, 3, 44100)
    mono = Reader(io.BytesIO((GOLDEN / "mono.codes").read_bytes())).header
    assert mono.weights_sha256 == bytes(range(32)).hex()
    assert (mono.model_name, mono.model_revision) == ("golden/mono", "v1")


def test_the_newer_file_is_refused_by_the_names_of_its_features() -> None:
    data = (GOLDEN / "newer.codes").read_bytes()
    with pytest.raises(UnsupportedVersion, match="'mid-side', 'time-travel'"):
        Reader(io.BytesIO(data))


@pytest.mark.parametrize("name", ["coded_static", "coded_context"])
def test_coded_files_are_refused_by_name_without_their_tables(name: str) -> None:
    reader = Reader(io.BytesIO((GOLDEN / f"{name}.codes").read_bytes()))
    wanted = reader.header.entropy_tables
    with pytest.raises(WrongModel, match=f"entropy coded with the tables {wanted}, and none are"):
        list(reader)
    reader = Reader(io.BytesIO((GOLDEN / f"{name}.codes").read_bytes()))
    (reader.tables,) = (t for t in TABLES.values() if t.identity != wanted)
    with pytest.raises(WrongModel, match=f"and {reader.tables.identity} are at hand"):
        list(reader)
