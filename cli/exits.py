"""How a command ends: exceptions to exit codes, and nothing but one line on standard error.

0 all well, 1 an error, 2 wrong usage (typer's own), 3 done, but of a damaged input, 130
Ctrl-C, 141 the reader of standard output went away, 143 terminated. Every other exception is a bug
and keeps its traceback.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import typer

from audiocodec.errors import AudioCodecError

from .console import say

OK = 0
ERROR = 1
DAMAGED = 3
INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + 13
TERMINATED = 128 + signal.SIGTERM


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn what a command raises on purpose into its exit code."""
    try:
        yield
        sys.stdout.flush()
    except AudioCodecError as error:
        if is_broken_pipe(error):
            _leave_quietly()
            raise typer.Exit(BROKEN_PIPE) from error
        say(str(error))
        raise typer.Exit(ERROR) from error
    except BrokenPipeError as error:
        _leave_quietly()
        raise typer.Exit(BROKEN_PIPE) from error
    except KeyboardInterrupt as error:
        say("interrupted")
        raise typer.Exit(INTERRUPTED) from error


def is_broken_pipe(error: BaseException | None) -> bool:
    """Return whether `error` came about because a reader went away."""
    while error is not None and not isinstance(error, BrokenPipeError):
        error = error.__cause__
    return error is not None


def unwind_when_terminated() -> None:
    """Let SIGTERM raise, as Ctrl-C does, so that unfinished files are removed."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


def _leave_quietly() -> None:
    # The interpreter flushes standard output once more when it ends, and would complain.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
