"""The summary of a file: what `codec info` and `codec verify` show."""

import io
from pathlib import Path

from audiocodec.bitstream import summary

GOLDEN = Path(__file__).parents[2] / "golden" / "bitstream"


def test_a_whole_file() -> None:
    data = (GOLDEN / "mono.codes").read_bytes()
    found = summary(io.BytesIO(data))
    assert found.header.model_name == "golden/mono"
    assert (found.chunks, found.levels, found.frames) == (3, 3, 10)
    assert (found.source_samples, found.file_bytes) == (4321, len(data))
    assert found.duration_s == 4321 / 24000
    assert found.gaps == ()
    assert found.has_trailer


def test_a_file_with_a_gap() -> None:
    with (GOLDEN / "stereo.codes").open("rb") as file:
        found = summary(file)
        assert found.file_bytes == file.tell()
    assert (found.chunks, found.levels, found.frames) == (23, 6, 70)
    assert [(gap.first_frame, gap.frames) for gap in found.gaps] == [(35, 5)]


def test_a_live_file() -> None:
    data = (GOLDEN / "live.codes").read_bytes()
    found = summary(io.BytesIO(data))
    assert (found.chunks, found.frames, found.source_samples) == (2, 10, 3200)
    assert found.file_bytes == len(data)
    assert not found.has_trailer
    assert found.gaps == ()
