"""Pictures of sounds and codes as grids of numbers, and those as text and PNG."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audiocodec.atomic import atomic_output
from audiocodec.codes import Codes
from audiocodec.errors import MissingExtra, UnsupportedAudio
from audiocodec.signal.stft import magnitude, stft

FloatArray = NDArray[np.float32]
Grid = NDArray[np.float64]

FLOOR_DB = -100.0
RANGE_DB = 80.0
"""From the darkest to the brightest of a picture."""
_HEAT = np.array(
    [
        (0, 0, 4),
        (28, 16, 68),
        (79, 18, 123),
        (129, 37, 129),
        (181, 54, 122),
        (229, 80, 100),
        (251, 135, 97),
        (254, 194, 135),
        (252, 253, 191),
    ],
    dtype=np.float64,
)
"""Black over purple to light yellow: stops of the colour map "magma" (CC0)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A grid [rows, columns] of 0 to 1, the first row on top, and what its axes are.

    top, bottom: labels of the first and the last row. seconds: where columns begin and end.
    stepped: rows and columns are things of their own, not samples of something smooth.
    """

    grid: Grid
    title: str
    vertical: str
    top: str
    bottom: str
    seconds: tuple[float, float]
    stepped: bool = False


def spectrogram_db(wav: FloatArray, window_samples: int = 1024, hop_samples: int = 256) -> Grid:
    """Return levels [window / 2 + 1, F] of a wave [T] in dB; 0 is a sine of full scale."""
    spectrum = stft(torch.from_numpy(wav), window_samples=window_samples, hop_samples=hop_samples)
    levels = 20 * torch.log10(magnitude(spectrum) * (4 / window_samples))
    return np.asarray(levels.clamp(min=FLOOR_DB).numpy(), dtype=np.float64)


def spectrogram(wav: FloatArray, sample_rate_hz: int, *, title: str, begin_s: float) -> Picture:
    """Return the picture of a wave [T]. Raises UnsupportedAudio where it has no samples."""
    if not len(wav):
        raise UnsupportedAudio(f"{title} has no samples there; nothing can be drawn")
    hop = max(64, min(256, len(wav) // 400))
    levels = spectrogram_db(wav, hop_samples=hop)
    return Picture(
        grid=np.clip((levels - levels.max()) / RANGE_DB + 1, 0, 1)[::-1],
        title=title,
        vertical="kHz",
        top=f"{sample_rate_hz / 2000:.4g}",
        bottom="0",
        seconds=(begin_s, begin_s + len(wav) / sample_rate_hz),
    )


def codes_picture(codes: Codes, *, title: str, row: int = 0) -> Picture:
    """Return the indices of one row as levels x frames, each over its codebook's size.

    Raises UnsupportedAudio where there are no frames.
    """
    if not codes.frames:
        raise UnsupportedAudio(f"{title} holds no frames; nothing can be drawn")
    sizes = np.array(codes.spec.codebook_sizes[: codes.levels], dtype=np.float64)[:, None]
    return Picture(
        grid=codes.indices[row] / np.maximum(1, sizes - 1),
        title=title,
        vertical="level",
        top="1",
        bottom=str(codes.levels),
        seconds=(0.0, codes.frames / codes.spec.frame_rate_hz),
        stepped=True,
    )


def heat(shares: Grid) -> NDArray[np.uint8]:
    """Return colours [..., 3] for 0 to 1."""
    at = np.clip(shares, 0, 1) * (len(_HEAT) - 1)
    low = np.minimum(at.astype(int), len(_HEAT) - 2)
    part = (at - low)[..., None]
    return np.asarray(np.rint(_HEAT[low] * (1 - part) + _HEAT[low + 1] * part), dtype=np.uint8)


def fitted(picture: Picture, rows: int, columns: int) -> Grid:
    """Return the grid at another size: by means of what falls together, or picked if stepped."""
    grid = picture.grid
    if picture.stepped:
        vertical = np.arange(rows) * grid.shape[0] // rows
        return np.asarray(grid[vertical][:, np.arange(columns) * grid.shape[1] // columns])
    return _averaged(_averaged(grid, rows).T, columns).T


@dataclass(frozen=True, slots=True)
class Paint:
    """A way to turn a grid into lines of text; each line shows so many rows of the grid."""

    lines: Callable[[Grid], list[str]]
    rows_a_line: int


def text_lines(picture: Picture, *, columns: int, rows: int, paint: Paint) -> list[str]:
    """Return the picture as about `rows` lines of `columns` characters, labels included.

    Stepped pictures get a row of the grid for each of theirs.
    """
    labels = [picture.top, picture.vertical, picture.bottom]
    margin = max(map(len, labels)) + 1
    width = max(8, columns - margin)
    high = len(picture.grid) if picture.stepped else paint.rows_a_line * rows
    body = paint.lines(fitted(picture, high, width))
    names = {0: picture.top, len(body) - 1: picture.bottom}
    names.setdefault(len(body) // 2, picture.vertical)
    begin, end = (f"{second:.4g} s" for second in picture.seconds)
    return [
        picture.title,
        *(f"{names.get(i, ''):>{margin - 1}} {line}" for i, line in enumerate(body)),
        " " * margin + begin + end.rjust(width - len(begin)),
    ]


def paint_blocks(grid: Grid, *, palette: int = 1 << 24) -> list[str]:
    """Return lines of half blocks, two rows of the grid each, in 24-bit colours or 256."""
    if len(grid) % 2:
        grid = np.concatenate([grid, np.zeros_like(grid[:1])])
    colours = heat(grid)
    code = _true_colour if palette > 256 else _colour_of_256
    lines = []
    for upper, lower in zip(colours[::2], colours[1::2], strict=True):
        cells, before = [], ""
        for top, bottom in zip(upper, lower, strict=True):
            now = f"\x1b[{code(38, top)};{code(48, bottom)}m"
            cells.append(("" if now == before else now) + "▀")
            before = now
        lines.append("".join(cells) + "\x1b[0m")
    return lines


def paint_letters(grid: Grid) -> list[str]:
    """Return lines of plain ASCII, one row of the grid each, denser for more."""
    shades = np.array(list(" .:-=+*#%@"))
    places = np.minimum((np.clip(grid, 0, 1) * len(shades)).astype(int), len(shades) - 1)
    return ["".join(row) for row in shades[places]]


def save_png(path: Path, picture: Picture, *, wave: FloatArray | None = None) -> None:
    """Write a picture with axes, over the wave [T] where it is given.

    Raises MissingExtra without matplotlib, and what `atomic_output` raises; replaces a file.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(
            "PNG files need the eval extra: pip install 'audiocodec[eval]'"
        ) from error
    figure = Figure(figsize=(10, 5.2 if wave is not None else 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    if wave is None:
        below = figure.subplots()
    else:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
        _draw_wave(above, wave, picture.seconds)
    below.imshow(
        heat(picture.grid),
        aspect="auto",
        extent=(*picture.seconds, *_extent(picture)),
        interpolation="nearest" if picture.stepped else "antialiased",
    )
    below.set(xlabel="s", ylabel=picture.vertical)
    figure.suptitle(picture.title)
    with atomic_output(path, overwrite=True) as file:
        figure.savefig(file, format="png")


def _draw_wave(axes: Any, wave: FloatArray, seconds: tuple[float, float]) -> None:
    count = min(2000, len(wave))
    parts = np.array_split(wave, count)
    times = np.linspace(*seconds, count)
    axes.fill_between(times, [part.min() for part in parts], [part.max() for part in parts])
    axes.set(ylabel="wave")


def _extent(picture: Picture) -> tuple[float, float]:
    top, bottom = float(picture.top), float(picture.bottom)
    return (bottom + 0.5, top - 0.5) if picture.stepped else (bottom, top)


def _averaged(grid: Grid, rows: int) -> Grid:
    """Return [rows, ...] of means over equal stretches, each at least one row."""
    edges = np.arange(rows + 1) * len(grid) / rows
    first = np.floor(edges[:-1]).astype(int)
    last = np.maximum(first + 1, np.floor(edges[1:]).astype(int))
    sums = np.concatenate([np.zeros_like(grid[:1]), np.cumsum(grid, axis=0)])
    return np.asarray((sums[last] - sums[first]) / (last - first)[:, None])


def _true_colour(kind: int, rgb: NDArray[np.uint8]) -> str:
    return f"{kind};2;{rgb[0]};{rgb[1]};{rgb[2]}"


def _colour_of_256(kind: int, rgb: NDArray[np.uint8]) -> str:
    red, green, blue = (round(int(value) * 5 / 255) for value in rgb)
    return f"{kind};5;{16 + 36 * red + 6 * green + blue}"
