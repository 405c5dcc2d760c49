"""One or many files: each by itself, and a bad one does not stop the others.

Several at once are threads: the model is there once, and Python's lock is held for a twelfth of
the time that coding takes (the embedded model, sampled by py-spy), so cores do not wait for it.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import typer

from audiocodec.errors import AudioCodecError

from .console import Console, printable, say
from .exits import ERROR, OK, is_broken_pipe
from .places import Job

Work = Callable[[Job, str], int]
"""Gets a job and the label of its progress, and returns OK or DAMAGED."""


def run_all(
    jobs: list[Job], work: Work, *, console: Console | None = None, at_once: int = 1
) -> None:
    """Do every job, `at_once` of them at a time.

    A single job's error is raised; of several, each is printed, and the failures are listed at
    the end, with exit code 1. Without failures it is DAMAGED if any job's was.
    """
    if len(jobs) == 1:
        _exit(work(jobs[0], jobs[0].shown_source))
        return
    run = _together if at_once > 1 else _in_turn
    failed, code = run(jobs, work, console or Console(quiet=False), at_once)
    if failed:
        say(f"{len(failed)} of {len(jobs)} files failed:")
        for job in jobs:
            if job in failed:
                typer.echo(f"  {printable(job.shown_source)}", err=True)
        raise typer.Exit(ERROR)
    _exit(code)


def threads_each(threads: int | None, at_once: int, count: int) -> int | None:
    """Return the CPU threads for one of `count` files: the wish, or else a share of the cores."""
    if threads is not None or min(at_once, count) < 2:
        return threads
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores // min(at_once, count))


def _in_turn(jobs: list[Job], work: Work, console: Console, _: int) -> tuple[set[Job], int]:
    failed, code = set[Job](), OK
    for number, job in enumerate(jobs, start=1):
        try:
            code = max(code, work(job, f"{number}/{len(jobs)} {job.shown_source}"))
        except AudioCodecError as error:
            _report(error, console)
            failed.add(job)
    return failed, code


def _together(jobs: list[Job], work: Work, console: Console, at_once: int) -> tuple[set[Job], int]:
    failed, code = set[Job](), OK
    with console.bar(len(jobs)) as bar, ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(work, job, ""): job for job in jobs}
        try:
            for future in as_completed(futures):
                try:
                    code = max(code, future.result())
                except AudioCodecError as error:
                    _report(error, console)
                    failed.add(futures[future])
                bar.advance()
        except BaseException:  # Ctrl-C, termination and bugs end the others as well
            bar.stop()
            pool.shutdown(cancel_futures=True)
            raise
    return failed, code


def _report(error: AudioCodecError, console: Console) -> None:
    if is_broken_pipe(error):
        raise error
    console.warn(str(error))


def _exit(code: int) -> None:
    if code != OK:
        raise typer.Exit(code)
