"""Fewer levels: the same codes, the same length, and nothing else."""

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import audiocodec
from audiocodec.bitstream import Gap, Packet, Reader
from audiocodec.edit import truncate_file
from audiocodec.errors import AudioCodecError, Corrupt, OutputExists, UnsupportedLevels

WriteCodes = Callable[..., Path]


@pytest.mark.parametrize("live", [False, True])
def test_it_is_what_fewer_levels_would_have_been(
    write_codes: WriteCodes, tmp_path: Path, live: bool
) -> None:
    full = write_codes("full.codes", 230, samples=220_000, live=live)
    few = write_codes("few.codes", 230, samples=220_000, live=live, levels=2)
    report = truncate_file(full, tmp_path / "out.codes", levels=2)
    assert (tmp_path / "out.codes").read_bytes() == few.read_bytes()
    assert (report.frames, report.levels, report.source_samples) == (230, 2, 220_000)
    assert report.bitrate_bps == 1000 and report.gaps == ()
    assert report.bytes_written == few.stat().st_size


@pytest.mark.parametrize(("bitrate_bps", "levels"), [(500, 1), (1449, 2), (1450, 3), (9000, 3)])
def test_by_bit_rate(
    write_codes: WriteCodes, tmp_path: Path, bitrate_bps: float, levels: int
) -> None:
    full = write_codes("full.codes", 60)
    report = truncate_file(full, tmp_path / "out.codes", bitrate_bps=bitrate_bps)
    assert report.levels == levels


def test_a_low_bit_rate_is_kept_and_one_that_is_too_low_refused(
    write_codes: WriteCodes, tmp_path: Path
) -> None:
    few = write_codes("few.codes", 60, levels=1)
    assert truncate_file(few, tmp_path / "out.codes", bitrate_bps=9000).levels == 1
    with pytest.raises(UnsupportedLevels, match="lowest bit rate"):
        truncate_file(few, tmp_path / "none.codes", bitrate_bps=499)
    assert not (tmp_path / "none.codes").exists()


def test_more_levels_than_there_are(write_codes: WriteCodes, tmp_path: Path) -> None:
    few = write_codes("few.codes", 60, levels=2)
    with pytest.raises(UnsupportedLevels, match="3 levels asked for, but these codes hold 2"):
        truncate_file(few, tmp_path / "out.codes", levels=3)
    with pytest.raises(UnsupportedLevels, match="of a codec with 3"):
        truncate_file(few, tmp_path / "out.codes", levels=4)
    with pytest.raises(UnsupportedLevels, match="either"):
        truncate_file(few, tmp_path / "out.codes")
    with pytest.raises(UnsupportedLevels, match="either"):
        truncate_file(few, tmp_path / "out.codes", levels=1, bitrate_bps=500)
    assert [path.name for path in tmp_path.iterdir()] == ["few.codes"]


def test_damage_stays_in_its_place(
    write_codes: WriteCodes, damage: Callable[[Path], Path], tmp_path: Path
) -> None:
    bad = damage(write_codes("bad.codes", 250))
    report = truncate_file(bad, tmp_path / "out.codes", levels=1)
    assert [(gap.first_frame, gap.frames) for gap in report.gaps] == [(100, 50)]
    with open(bad, "rb") as before, open(tmp_path / "out.codes", "rb") as after:
        for old, new in zip(Reader(before, levels=1), Reader(after), strict=True):
            assert (old.first_frame, old.end_frame) == (new.first_frame, new.end_frame)
            if isinstance(old, Packet):
                assert isinstance(new, Packet) and np.array_equal(old.indices, new.indices)
            else:
                assert isinstance(new, Gap)
    with pytest.raises(Corrupt, match=r"bad\.codes: the checksum"):
        truncate_file(bad, tmp_path / "strict.codes", levels=1, strict=True)
    assert not (tmp_path / "strict.codes").exists()


def test_a_file_that_was_cut_off_gets_the_length_that_it_has(
    write_codes: WriteCodes, tmp_path: Path
) -> None:
    path = write_codes("cut off.codes", 250)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    report = truncate_file(path, tmp_path / "out.codes", levels=3)
    assert (report.frames, report.source_samples, len(report.gaps)) == (100, 96_000, 1)
    assert audiocodec.Codes.load(tmp_path / "out.codes").source.samples == 96_000


def test_places(write_codes: WriteCodes, tmp_path: Path) -> None:
    path = write_codes("in.codes", 60)
    (tmp_path / "there.codes").touch()
    with pytest.raises(OutputExists):
        truncate_file(path, tmp_path / "there.codes", levels=1)
    with pytest.raises(AudioCodecError, match="is the input itself"):
        truncate_file(path, path, levels=1, overwrite=True)
    truncate_file(path, tmp_path / "there.codes", levels=1, overwrite=True)
    stream = io.BytesIO()
    truncate_file(io.BytesIO(path.read_bytes()), stream, levels=1)
    assert stream.getvalue() == (tmp_path / "there.codes").read_bytes()


def test_memory_does_not_grow_with_the_length(write_codes: WriteCodes, tmp_path: Path) -> None:
    path = write_codes("long.codes", 40_000, levels=1)
    tracemalloc.start()
    truncate_file(path, tmp_path / "out.codes", levels=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400_000  # its codes take 160 kB as integers of 4 bytes, times a few
