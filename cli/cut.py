"""`codec cut`: a stretch of a .codes file."""

import math
from dataclasses import dataclass
from typing import Annotated

import typer

from . import options
from .batch import run_all
from .console import Console
from .places import Job, plan, refuse_early
from .rewrite import (
    CODES,
    Strict,
    TablesOf,
    describe,
    source_of,
    tables_of,
    target_of,
    warn_of_damage,
)
from .units import count


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a sound: in seconds or as the number of a frame; one of them is None."""

    time_s: float | None = None
    frame: int | None = None


def _parse_place(text: str | Place) -> Place:
    if isinstance(text, Place):  # typer parses defaults, too
        return text
    try:
        place = Place(frame=int(text[:-1])) if text[-1:] == "f" else Place(time_s=float(text))
    except ValueError:
        place = Place(frame=-1)
    if min(place.time_s or 0, place.frame or 0) < 0 or not math.isfinite(place.time_s or 0):
        raise typer.BadParameter(
            f"{text!r} is neither seconds, such as 2.5, nor a number of frames, such as 125f"
        )
    return place


def cut(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="A .codes file, a folder, or - for standard input.")
    ],
    target: Annotated[
        str,
        typer.Argument(metavar="OUT", help="A .codes file, a folder, or - for standard output."),
    ],
    begin: Annotated[
        Place | None,
        typer.Option(
            "--from", metavar="S", parser=_parse_place, help="Where to start; 0 by default."
        ),
    ] = None,
    end: Annotated[
        Place | None,
        typer.Option(
            "--to", metavar="S", parser=_parse_place, help="Where to stop; default the end."
        ),
    ] = None,
    strict: Strict = False,
    model: TablesOf = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Cut a stretch out of a .codes file, without a model.

    Places are seconds (2.5) or numbers of frames (125f). A cut lies on frame borders: from the
    last one at or before the start to the first one at or after the end, and which these are is
    said on standard error. The decoded sound begins at the time of its first frame and has the
    length of its frames. One more frame is kept behind them, for models that give their sound
    late.

    A decoder starts cold at a cut: it does not know what came before, so the first frames sound
    slightly different than in the whole, for a tenth of a second or two. Neighbouring cuts that
    `codec cat` joins again are as before.

    \b
    Examples:
      codec cut in.codes part.codes --from 10 --to 20
      codec cut in.codes rest.codes --from 12.5
      codec cut in.codes part.codes --from 500f --to 1000f
      codec cut in.codes - --to 3 | codec decode - | aplay
    """
    jobs = plan([source, target], None, CODES)
    refuse_early(jobs, overwrite=force)
    task = _Cutting(begin or Place(), end or Place(), strict, model, force, Console(quiet))
    run_all(jobs, task.run)


@dataclass(frozen=True, slots=True)
class _Cutting:
    """What is the same for every file of one command."""

    begin: Place
    end: Place
    strict: bool
    model: str | None
    force: bool
    console: Console

    def run(self, job: Job, label: str) -> int:
        """Cut one file, say where and what became of it, and return the exit code."""
        from audiocodec.edit import cut_file

        job.make_folder()
        with self.console.status(label):
            report = cut_file(
                source_of(job.source),
                target_of(job),
                start_s=self.begin.time_s,
                start_frame=self.begin.frame,
                end_s=self.end.time_s,
                end_frame=self.end.frame,
                strict=self.strict,
                overwrite=self.force,
                tables=tables_of(self.model),
            )
        frames = count(report.end_frame - report.first_frame, "frame")
        self.console.result(
            f"{job.shown_source} -> {job.shown_target}: from {report.start_s:.6g} s (frame "
            f"{report.first_frame}) to {report.end_s:.6g} s (frame {report.end_frame}), {frames}, "
            f"{describe(report)}"
        )
        return warn_of_damage(job.shown_source, report)
