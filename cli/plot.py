"""`codec plot` and `codec spectrogram`: a sound or codes as a picture."""

import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiocodec.errors import UnsupportedAudio

from .console import Console, printable
from .options import WrongUsage

if TYPE_CHECKING:
    from audiocodec.evaluate.clips import FloatArray
    from audiocodec.evaluate.pictures import Paint, Picture

_ROWS = 16

_Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="PNG", help="Write a PNG file instead (extra eval)."),
]
_From = Annotated[float, typer.Option("--from", min=0, metavar="S", help="Begin here.")]
_To = Annotated[float | None, typer.Option("--to", min=0, metavar="S", help="End here.")]
_Width = Annotated[
    int | None,
    typer.Option("--width", min=20, metavar="N", help="Columns; the terminal's by default."),
]
_Plain = Annotated[
    bool,
    typer.Option("--plain", help="Only ASCII, without colours; so it is where NO_COLOR is set."),
]


def spectrogram(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    out: _Out = None,
    begin: _From = 0.0,
    end: _To = None,
    width: _Width = None,
    plain: _Plain = False,
) -> None:
    """Show the spectrogram of a sound file, in the terminal or as PNG.

    \b
    Examples:
      codec spectrogram in.wav
      codec spectrogram in.wav --from 1 --to 2.5
      codec spectrogram in.wav --out in.png
      codec spectrogram in.wav --plain --width 60
    """
    sound = _Sound(file, begin, end)
    _show(sound.picture, None, out, width, plain)


def plot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file, or a .codes file.")],
    out: _Out = None,
    begin: _From = 0.0,
    end: _To = None,
    width: _Width = None,
    plain: _Plain = False,
) -> None:
    """Show a sound file as wave and spectrogram, or a .codes file as levels by time.

    Colours of codes are their numbers, from the first of the codebook to the last. The wave is in
    PNG files only.

    \b
    Examples:
      codec plot out.codes
      codec plot out.codes --out codes.png
      codec plot in.wav --out in.png --to 10
      codec plot in.wav --plain --width 100
    """
    if file.suffix.lower() == ".codes":
        _show(_codes(file, begin, end), None, out, width, plain)
    else:
        sound = _Sound(file, begin, end)
        _show(sound.picture, sound.wav, out, width, plain)


class _Sound:
    def __init__(self, file: Path, begin: float, end: float | None) -> None:
        from audiocodec.evaluate.clips import read_sound
        from audiocodec.evaluate.pictures import spectrogram as picture_of

        _check_range(begin, end)
        sound = read_sound(file)
        rate = sound.sample_rate_hz
        last = None if end is None else round(end * rate)
        self.wav: FloatArray = sound.wav[round(begin * rate) : last]
        title = f"{file.name}, {rate / 1000:g} kHz"
        self.picture = picture_of(self.wav, rate, title=title, begin_s=begin)


def _codes(file: Path, begin: float, end: float | None) -> "Picture":
    from dataclasses import replace

    from audiocodec.codes import Codes
    from audiocodec.evaluate.pictures import codes_picture

    _check_range(begin, end)
    codes = Codes.load(file)
    rate_hz = codes.spec.frame_rate_hz
    first = int(begin * rate_hz)
    last = codes.frames if end is None else min(codes.frames, -int(-end * rate_hz // 1))
    if first >= last:
        raise UnsupportedAudio(f"{file} has no frames there; it ends at {codes.duration_s:.3g} s")
    picture = codes_picture(codes, title=f"{file.name}, {codes.levels} levels")
    return replace(
        picture, grid=picture.grid[:, first:last], seconds=(first / rate_hz, last / rate_hz)
    )


def _check_range(begin: float, end: float | None) -> None:
    if end is not None and end <= begin:
        raise WrongUsage(f"--to {end:g} is not after --from {begin:g}")


def _show(
    picture: "Picture", wave: "FloatArray | None", out: Path | None, width: int | None, plain: bool
) -> None:
    from audiocodec.evaluate.pictures import save_png, text_lines

    if out is not None:
        save_png(out, picture, wave=wave)
        Console(quiet=False).result(f"wrote {out}")
        return
    columns = width or shutil.get_terminal_size((80, 24)).columns - 1
    lines = text_lines(picture, columns=columns, rows=_ROWS, paint=_painter(plain))
    print(printable(lines[0]), *lines[1:], sep="\n")


def _painter(plain: bool) -> "Paint":
    """Return what the place that standard output goes to can show."""
    from audiocodec.evaluate.pictures import Paint, paint_blocks, paint_letters

    dumb = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb"
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    if plain or dumb or not unicode or os.environ.get("NO_COLOR"):
        return Paint(paint_letters, rows_a_line=1)
    true_colour = os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    palette = 1 << 24 if true_colour else 256
    return Paint(partial(paint_blocks, palette=palette), rows_a_line=2)
