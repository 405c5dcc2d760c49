"""Pictures show what is in the sound, and fit the place that they are for."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from audiocodec.errors import MissingExtra, UnsupportedAudio
from audiocodec.evaluate.pictures import (
    Paint,
    Picture,
    codes_picture,
    fitted,
    heat,
    paint_blocks,
    paint_letters,
    save_png,
    spectrogram,
    spectrogram_db,
    text_lines,
)

if TYPE_CHECKING:
    from audiocodec.codec import Codec

FloatArray = NDArray[np.float32]


@pytest.fixture
def tone() -> FloatArray:
    """A second of 2 kHz at 8 kHz, in the second half only."""
    time = np.arange(8000) / 8000
    return np.where(time > 0.5, np.sin(2 * np.pi * 2000 * time), 0).astype(np.float32)


def test_a_full_sine_is_0_db_at_its_place(tone: FloatArray) -> None:
    levels = spectrogram_db(tone)
    column = levels[:, round(0.75 * levels.shape[1])]
    assert column.argmax() == 256 and column.max() == pytest.approx(0, abs=0.2)
    assert levels[:, 2].max() < -80


def test_the_picture_is_bright_where_the_tone_is(tone: FloatArray) -> None:
    picture = spectrogram(tone, 8000, title="tone", begin_s=1.5)
    assert (picture.top, picture.bottom, picture.seconds) == ("4", "0", (1.5, 2.5))
    grid = fitted(picture, 9, 10)
    assert grid.shape == (9, 10)
    assert np.unravel_index(grid.argmax(), grid.shape)[0] == 4
    assert grid[:, :4].max() < 0.01 < 0.04 < grid[4, 8]
    with pytest.raises(UnsupportedAudio, match="no samples"):
        spectrogram(tone[:0], 8000, title="x", begin_s=0)


def test_means_keep_the_mean() -> None:
    grid = np.random.default_rng(0).random((12, 20))
    picture = Picture(grid, "", "", "", "", (0, 1))
    np.testing.assert_allclose(fitted(picture, 3, 5).mean(), grid.mean())
    np.testing.assert_allclose(fitted(picture, 12, 20), grid)
    assert fitted(picture, 30, 50).shape == (30, 50)


def test_codes_are_levels_by_frames(tiny_codec: "Codec", tone: FloatArray) -> None:
    codes = tiny_codec.encode(tone)
    picture = codes_picture(codes, title="c")
    np.testing.assert_array_equal(picture.grid, codes.indices[0] / 15)
    assert (picture.top, picture.bottom, picture.seconds) == ("1", "3", (0, 1))
    lines = text_lines(picture, columns=30, rows=9, paint=Paint(paint_letters, 1))
    assert len(lines) == 1 + 3 + 1 and all(len(line) <= 30 for line in lines)
    with pytest.raises(UnsupportedAudio, match="no frames"):
        codes_picture(tiny_codec.encode(tone[:0]), title="c")


def test_text_has_labels_and_the_right_size(tone: FloatArray) -> None:
    picture = spectrogram(tone, 8000, title="tone", begin_s=0)
    plain = text_lines(picture, columns=40, rows=8, paint=Paint(paint_letters, 1))
    assert len(plain) == 10 and {len(line) for line in plain[1:-1]} == {40}
    assert plain[0] == "tone" and plain[1].startswith("  4 ") and plain[8].startswith("  0 ")
    assert plain[-1].split() == ["0", "s", "1", "s"] and len(plain[-1]) == 40
    blocks = text_lines(picture, columns=40, rows=8, paint=Paint(paint_blocks, 2))
    assert len(blocks) == 10 and blocks[1].count("▀") == 36 and blocks[1].endswith("\x1b[0m")


def test_colours() -> None:
    assert heat(np.array([0.0, 1.0, 7.0])).tolist() == [[0, 0, 4], [252, 253, 191], [252, 253, 191]]
    (line,) = paint_blocks(np.array([[1.0], [0.0]]))
    assert line == "\x1b[38;2;252;253;191;48;2;0;0;4m▀\x1b[0m"
    (line,) = paint_blocks(np.array([[1.0]]), palette=256)
    assert line == "\x1b[38;5;230;48;5;16m▀\x1b[0m"
    assert paint_letters(np.array([[0.0, 0.5, 1.0]])) == [" +@"]


def test_png(tone: FloatArray, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = spectrogram(tone, 8000, title="tone", begin_s=0)
    save_png(tmp_path / "a.png", picture)
    save_png(tmp_path / "b.png", picture, wave=tone)
    small, tall = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert small[:8] == tall[:8] == b"\x89PNG\r\n\x1a\n"
    size = [int.from_bytes(data[20:24]) for data in (small, tall)]
    assert size[0] < size[1]


def test_png_names_its_extra(
    tone: FloatArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(MissingExtra, match=r"audiocodec\[eval\]"):
        save_png(tmp_path / "a.png", spectrogram(tone, 8000, title="", begin_s=0))
    assert not list(tmp_path.iterdir())
