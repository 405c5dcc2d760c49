"""Codes: a value that can be cut, saved and loaded."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream.writer import Writer
from audiocodec.codes import Codes, ModelIdentity, Source
from audiocodec.errors import (
    AudioCodecError,
    Corrupt,
    FormatError,
    NotACodesFile,
    OutputExists,
    Truncated,
    UnsupportedLevels,
)
from audiocodec.packing import build_header
from audiocodec.spec import CodecSpec

SPEC = CodecSpec(sample_rate_hz=8000, channels=1, hop_samples=16, codebook_sizes=(16, 10, 3))
MODEL = ModelIdentity("somebody/model", "abc", "0" * 64)


def make_codes(
    *, rows: int = 2, levels: int = 3, frames: int = 40, ndim: int = 2, model: bool = True
) -> Codes:
    rng = np.random.default_rng(frames)
    sizes = np.array(SPEC.codebook_sizes[:levels])[:, None]
    indices = rng.integers(0, sizes, (rows, levels, frames)).astype(np.int32)
    channels = rows if ndim < 3 else 2
    # At twice the codec's rate; the last frame is hardly begun.
    source = Source(16000, channels, max(0, 32 * frames - 31), ndim)
    return Codes(indices, SPEC, source, MODEL if model else None)


def assert_same(found: Codes, wanted: Codes) -> None:
    np.testing.assert_array_equal(found.indices, wanted.indices)
    assert found.indices.dtype == np.int32
    assert (found.spec, found.source, found.model) == (wanted.spec, wanted.source, wanted.model)


def test_codes_tell_their_measures() -> None:
    codes = make_codes()
    assert (codes.levels, codes.frames) == (3, 40)
    assert codes.duration_s == (32 * 40 - 31) / 16000
    assert codes.bitrate_bps == 2 * 500 * (4 + 4 + 2)  # two channels


def test_truncate_keeps_the_coarse_levels() -> None:
    codes = make_codes()
    cut = codes.truncate(levels=1)
    np.testing.assert_array_equal(cut.indices, codes.indices[:, :1])
    assert cut.spec == codes.spec and cut.bitrate_bps == 2 * 500 * 4


@pytest.mark.parametrize("levels", [-1, 0, 3])
def test_truncate_refuses_what_is_not_there(levels: int) -> None:
    with pytest.raises(UnsupportedLevels, match="hold 2; choose 1 to 2"):
        make_codes(levels=2).truncate(levels=levels)


@settings(max_examples=40, deadline=None)
@given(
    rows_ndim=st.sampled_from([(1, 1), (1, 2), (2, 2), (8, 2), (2, 3), (6, 3)]),
    levels=st.integers(1, 3),
    frames=st.integers(1, 1200),
    model=st.booleans(),
)
def test_what_was_saved_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows_ndim: tuple[int, int],
    levels: int,
    frames: int,
    model: bool,
) -> None:
    path = tmp_path_factory.getbasetemp() / "x.codes"
    rows, ndim = rows_ndim
    codes = make_codes(rows=rows, levels=levels, frames=frames, ndim=ndim, model=model)
    codes.save(path, overwrite=True)
    assert_same(Codes.load(path), codes)


def test_no_frames_come_back_with_all_levels(tmp_path: Path) -> None:
    make_codes(frames=0, levels=1).save(tmp_path / "x.codes")
    assert_same(Codes.load(tmp_path / "x.codes"), make_codes(frames=0, levels=3))


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    path.write_bytes(b"mine")
    with pytest.raises(OutputExists):
        make_codes().save(path)
    assert path.read_bytes() == b"mine"
    make_codes().save(path, overwrite=True)
    assert_same(Codes.load(path), make_codes())


def test_nothing_is_left_of_codes_that_cannot_be_saved(tmp_path: Path) -> None:
    codes = make_codes()
    bad = codes.indices.copy()
    bad[0, 1, 7] = 10  # the second level has ten entries
    with pytest.raises(ValueError, match="level 2 are 0 to 10"):
        replace(codes, indices=bad).save(tmp_path / "x.codes")
    with pytest.raises(FormatError, match="rows"):
        make_codes(rows=1025, frames=1, ndim=3).save(tmp_path / "x.codes")
    with pytest.raises(Corrupt, match="2 rows .* 3 channels"):
        replace(codes, source=Source(16000, 3, 5)).save(tmp_path / "x.codes")
    with pytest.raises(Corrupt, match="1281 samples, but its 40 frames stand for 1280"):
        replace(codes, source=Source(16000, 2, 1281)).save(tmp_path / "x.codes")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    with pytest.raises(AudioCodecError, match="x.codes: there is no such file"):
        Codes.load(path)
    with pytest.raises(AudioCodecError, match="it is a folder"):
        Codes.load(tmp_path)
    with pytest.raises(AudioCodecError, match="check the path"):
        Codes.load("nul\0l")
    path.write_bytes(b"RIFF not codes")
    with pytest.raises(NotACodesFile, match="x.codes: this is not a .codes file"):
        Codes.load(path)


def test_damage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    make_codes(frames=1200).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(Truncated, match="x.codes: "):
        Codes.load(path)
    path.write_bytes(whole[:400] + bytes([whole[400] ^ 1]) + whole[401:])
    with pytest.raises(Corrupt, match="x.codes: "):
        Codes.load(path)


def test_a_length_beyond_the_frames_is_refused(tmp_path: Path) -> None:
    """Or a few bytes could ask a decoder for years of silence."""
    path = tmp_path / "x.codes"
    codes = make_codes()
    header = build_header(SPEC, codes.source, MODEL, rows=2)
    with path.open("wb") as file:
        writer = Writer(file, header)
        writer.write(codes.indices)
        writer.finish(source_samples=1 << 48)
    with pytest.raises(Corrupt, match="40 frames stand for 1280"):
        Codes.load(path)


def test_the_lowest_number_of_levels_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    codes = make_codes()
    with path.open("wb") as file:
        writer = Writer(file, build_header(SPEC, codes.source, MODEL, rows=2))
        writer.write(codes.indices[..., :10])
        writer.write(codes.indices[:, :2, 10:])
        writer.finish()
    assert_same(Codes.load(path), codes.truncate(levels=2))


def test_torch_is_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "x.codes"
    make_codes().save(path)
    program = (
        "import sys, audiocodec\n"
        "audiocodec.Codes.load(sys.argv[1]).save(sys.argv[2])\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    copy = tmp_path / "y.codes"
    subprocess.run([sys.executable, "-c", program, path, copy], check=True, cwd=tmp_path)
    assert copy.read_bytes() == path.read_bytes()
