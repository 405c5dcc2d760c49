"""Joined files follow each other on frame borders, and only if they fit."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiocodec.bitstream import Packet, Reader
from audiocodec.codes import Codes
from audiocodec.edit import cat_files
from audiocodec.errors import AudioCodecError, Corrupt, FormatError, WrongModel

WriteCodes = Callable[..., Path]


def test_each_but_the_last_takes_whole_frames(write_codes: WriteCodes, tmp_path: Path) -> None:
    a = write_codes("a.codes", 70, samples=69 * 960 + 1, seed=1)
    b = write_codes("b.codes", 60, samples=57 * 960, seed=2)  # three frames behind its sound
    c = write_codes("c.codes", 55, samples=53 * 960 + 7, seed=3, metadata=())
    report = cat_files([a, b, c], tmp_path / "out.codes")
    joined = Codes.load(tmp_path / "out.codes")
    parts = [Codes.load(a).indices, Codes.load(b).indices[:, :, :57], Codes.load(c).indices]
    assert np.array_equal(joined.indices, np.concatenate(parts, axis=2))
    assert joined.source.samples == report.source_samples == (70 + 57 + 53) * 960 + 7
    assert (report.frames, report.levels, report.gaps) == (70 + 57 + 55, 3, ())
    with open(tmp_path / "out.codes", "rb") as file:
        assert Reader(file).header.metadata == (("title", "x"),)


def test_streams_one_file_and_different_levels(write_codes: WriteCodes, tmp_path: Path) -> None:
    a, b = write_codes("a.codes", 70), write_codes("b.codes", 20, levels=1)
    target = io.BytesIO()
    cat_files([io.BytesIO(a.read_bytes()), b, io.BytesIO(a.read_bytes())], target)
    target.seek(0)
    packets = [item.indices for item in Reader(target) if isinstance(item, Packet)]
    assert [packet.shape[1:] for packet in packets] == [(3, 50), (3, 20), (1, 20), (3, 50), (3, 20)]
    cat_files([a], tmp_path / "same.codes")
    assert np.array_equal(Codes.load(tmp_path / "same.codes").indices, Codes.load(a).indices)
    with pytest.raises(ValueError, match="no files"):
        cat_files([], target)


def test_empty_sounds_take_nothing(write_codes: WriteCodes, tmp_path: Path) -> None:
    empty, a = write_codes("empty.codes", 0), write_codes("a.codes", 10, samples=9500)
    report = cat_files([empty, a, empty], tmp_path / "out.codes")
    assert (report.frames, report.source_samples) == (10, 9600)
    report = cat_files([empty, empty, a], tmp_path / "out.codes", overwrite=True)
    assert (report.frames, report.source_samples) == (10, 9500)


@pytest.mark.parametrize(
    ("fields", "error", "why"),
    [
        ({"weights_sha256": "cd" * 32}, WrongModel, "made with weights cdcdcdcdcdcd, but .*abab"),
        ({"weights_sha256": "", "model_name": "n"}, WrongModel, "the model n, but .* with m;"),
        ({"model_name": "other name", "metadata": ()}, None, ""),
        ({"sample_rate_hz": 16000}, FormatError, "its codec's sample rate is 16000, but .* 24000"),
        ({"hop_samples": 320}, FormatError, "its hop in samples is 320, but"),
        ({"codebook_sizes": (1024, 1024, 512)}, FormatError, "codebook sizes"),
        ({"source_sample_rate_hz": 44100}, FormatError, "its sample rate is 44100, but that of"),
        ({"source_channels": 2, "rows": 2}, FormatError, "its number of channels is 2, but"),
        ({"rows": 2}, FormatError, "its number of rows is 2, but"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_what_must_be_the_same(
    write_codes: WriteCodes,
    tmp_path: Path,
    fields: dict[str, Any],
    error: type[Exception] | None,
    why: str,
    streams: bool,
) -> None:
    paths = [write_codes("a.codes", 10), write_codes("b.codes", 10, **fields)]
    sources = [io.BytesIO(path.read_bytes()) if streams else path for path in paths]
    if error is None:
        assert cat_files(sources, tmp_path / "out.codes").frames == 20
        return
    with pytest.raises(error, match=why) as caught:
        cat_files(sources, tmp_path / "out.codes")
    if not streams:
        assert str(caught.value).startswith(f"{paths[1]}: ") and str(paths[0]) in str(caught.value)
    assert not (tmp_path / "out.codes").exists()


def test_damage_is_kept_and_named(
    write_codes: WriteCodes, damage: Callable[[Path], Path], tmp_path: Path
) -> None:
    a, bad = write_codes("a.codes", 70), damage(write_codes("bad.codes", 250))
    report = cat_files([a, bad, a], tmp_path / "out.codes")
    assert [(gap.first_frame, gap.frames) for gap in report.gaps] == [(170, 50)]
    assert report.gaps[0].reason.startswith(f"{bad}: the checksum")
    assert (report.frames, report.source_samples) == (390, 390 * 960)
    with pytest.raises(Corrupt, match=r"bad\.codes: the checksum"):
        cat_files([a, bad, a], tmp_path / "out.codes", strict=True, overwrite=True)


def test_an_input_is_never_the_output(write_codes: WriteCodes) -> None:
    a, b = write_codes("a.codes", 70), write_codes("b.codes", 10)
    with pytest.raises(AudioCodecError, match="is the input itself"):
        cat_files([a, b], b, overwrite=True)
