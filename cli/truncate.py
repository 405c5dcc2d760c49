"""`codec truncate`: fewer levels."""

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


def truncate(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="IN... OUT",
            help=".codes files, folders, or - for standard input; then a .codes file, a folder "
            "(DIR/ where it does not exist), or - for standard output.",
        ),
    ],
    output: options.Output = None,
    levels: Annotated[
        int | None,
        typer.Option("-n", "--levels", min=1, metavar="N", help="Quantizer levels to keep."),
    ] = None,
    bitrate: Annotated[
        float | None,
        typer.Option(
            "-b", "--bitrate", metavar="KBPS", help="At most so many kbps a channel, instead of -n."
        ),
    ] = None,
    strict: Strict = False,
    model: TablesOf = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Lower the bit rate of .codes files by keeping only their first levels.

    No model is needed. The result is what `codec encode -n` would have made. Damage stays, in its
    place; it is told on standard error, and the exit code is 3 then.

    \b
    Examples:
      codec truncate in.codes low.codes -n 2
      codec truncate in.codes low.codes -b 3
      codec truncate codes/ -o low/ -n 4
      codec truncate - - -n 1 < in.codes | codec decode - | aplay
    """
    if (levels is None) == (bitrate is None):
        raise options.WrongUsage("-n or -b chooses how much is kept: give one of them")
    jobs = plan(words, output, CODES)
    refuse_early(jobs, overwrite=force)
    bitrate_bps = None if bitrate is None else bitrate * 1000
    task = _Truncating(levels, bitrate_bps, strict, model, force, Console(quiet))
    run_all(jobs, task.run)


@dataclass(frozen=True, slots=True)
class _Truncating:
    """What is the same for every file of one command."""

    levels: int | None
    bitrate_bps: float | None
    strict: bool
    model: str | None
    force: bool
    console: Console

    def run(self, job: Job, label: str) -> int:
        """Truncate one file, say what became of it, and return the exit code."""
        from audiocodec.edit import truncate_file

        job.make_folder()
        with self.console.status(label):
            report = truncate_file(
                source_of(job.source),
                target_of(job),
                levels=self.levels,
                bitrate_bps=self.bitrate_bps,
                strict=self.strict,
                overwrite=self.force,
                tables=tables_of(self.model),
            )
        self.console.result(f"{job.shown_source} -> {job.shown_target}: {describe(report)}")
        return warn_of_damage(job.shown_source, report)
