"""One or many files: each by itself, and a bad one does not stop the others."""

from collections.abc import Callable

import typer

from audiocodec.errors import AudioCodecError

from .console import printable, say
from .exits import ERROR, OK, is_broken_pipe
from .places import Job


def run_all(jobs: list[Job], work: Callable[[Job, str], int]) -> None:
    """Do every job; `work` gets it and the label of its progress, and returns OK or DAMAGED.

    A single job's error is raised; of several, each is printed, and the failures are listed at
    the end, with exit code 1. Without failures it is DAMAGED if any job's was.
    """
    if len(jobs) == 1:
        _exit(work(jobs[0], jobs[0].shown_source))
        return
    failed, code = [], OK
    for number, job in enumerate(jobs, start=1):
        try:
            code = max(code, work(job, f"{number}/{len(jobs)} {job.shown_source}"))
        except AudioCodecError as error:
            if is_broken_pipe(error):
                raise
            say(str(error))
            failed.append(job)
    if failed:
        say(f"{len(failed)} of {len(jobs)} files failed:")
        for job in failed:
            typer.echo(f"  {printable(job.shown_source)}", err=True)
        raise typer.Exit(ERROR)
    _exit(code)


def _exit(code: int) -> None:
    if code != OK:
        raise typer.Exit(code)
