"""`codec cat`: several .codes files to one."""

from typing import Annotated

import typer

from . import options
from .batch import run_all
from .console import Console
from .places import STANDARD, Job, plan, refuse_early
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


def cat(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="IN... OUT",
            help=".codes files, or - for standard input; then the .codes file to write, or - for "
            "standard output.",
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="OUT", help="Output file; then all IN are inputs."),
    ] = None,
    strict: Strict = False,
    model: TablesOf = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Join .codes files in order, without a model.

    They must be of the same weights, grid, sample rate and channels; the numbers of levels may
    differ. Every file but the last takes whole frames: where its sound ends within one, silence
    of less than a frame follows before the next begins. What `codec cut` made of one file joins
    without seam. Tags are those of the first file.

    \b
    Examples:
      codec cat a.codes b.codes both.codes
      codec cat part*.codes -o whole.codes
      codec cat intro.codes - - < in.codes | codec decode - | aplay
      codec cat a.codes b.codes - -q > both.codes
    """
    sources = words if output is not None else words[:-1]
    target = output if output is not None else words[-1]
    if not sources:
        raise options.WrongUsage("name the inputs and the output: IN... OUT")
    if sources.count(STANDARD) > 1:
        raise options.WrongUsage("standard input can be read only once")
    for source in sources:  # each as if it were alone, which finds what is missing or in danger
        jobs = plan([source], target, CODES)
        if len(jobs) > 1 or jobs[0].mirrored:
            raise options.WrongUsage("inputs and output of cat are files, not folders")
    refuse_early(jobs, overwrite=force)
    console = Console(quiet)

    def join(job: Job, label: str) -> int:
        from audiocodec.edit import cat_files

        with console.status(label):
            report = cat_files(
                [source_of(source) for source in sources],
                target_of(job),
                strict=strict,
                overwrite=force,
                tables=tables_of(model),
            )
        shown = count(len(sources), "file")
        console.result(f"{shown} -> {job.shown_target}: {describe(report)}")
        return warn_of_damage("what was joined" if len(sources) > 1 else sources[0], report)

    run_all(jobs, join)
