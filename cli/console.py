"""What goes to standard error: errors, notes, and one line of progress on a terminal."""

import os
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiocodec.files import Progress

_REDRAW_S = 0.1
_BAR_COLUMNS = 16


def printable(text: str) -> str:
    """Return `text` in one line that cannot steer a terminal, whatever a file is called."""
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def say(message: str) -> None:
    """Print an error or a warning as one line."""
    _print_error(f"codec: {printable(message)}")


class Screen:
    """Lets threads write whole lines one after the other; a bar makes room for them.

    bar: what is shown for many files that are worked on at once, None when they are not.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self.bar: Bar | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let nobody else write for as long as the block lasts."""
        with self._lock:
            if self.bar is not None:
                self.bar.clear()
            yield
            if self.bar is not None:
                self.bar.draw()


@dataclass(frozen=True, slots=True)
class Console:
    """Standard error of one command. quiet: leave out what is neither error nor warning."""

    quiet: bool
    _screen: Screen = field(default_factory=Screen)

    def warn(self, message: str) -> None:
        """Print an error or a warning as one line."""
        with self._screen.turn():
            say(message)

    def note(self, message: str) -> None:
        """Print something good to know as one line, unless quiet."""
        if not self.quiet:
            self.warn(message)

    def result(self, message: str) -> None:
        """Print what was done as one line, unless quiet."""
        if not self.quiet:
            with self._screen.turn():
                _print_error(printable(message))

    @contextmanager
    def status(self, message: str) -> Iterator[None]:
        """Show a message on a terminal for as long as the block lasts."""
        with self.meter(message) as meter:
            meter.draw("")
            yield

    @contextmanager
    def meter(self, label: str) -> Iterator["Meter"]:
        """Show progress on a terminal for as long as the block lasts, where no bar does."""
        bar = self._screen.bar
        meter = Meter(label, shown=bar is None and not self.quiet and on_terminal(), bar=bar)
        try:
            yield meter
        finally:
            meter.clear()

    @contextmanager
    def bar(self, total: int) -> Iterator["Bar"]:
        """Show on a terminal how many of `total` files are done, for as long as the block lasts."""
        bar = Bar(total, shown=not self.quiet and on_terminal())
        with self._screen.turn():
            self._screen.bar = bar
        try:
            yield bar
        finally:
            with self._screen.turn():
                self._screen.bar = None


class Meter:
    """One line on a terminal that is drawn again and again, and leaves nothing behind.

    bar: that of many files, which this is one of.
    """

    def __init__(self, label: str, *, shown: bool, bar: "Bar | None" = None) -> None:
        self._label, self._shown, self._bar = printable(label), shown, bar
        self._start_s = time.monotonic()
        self._drawn_s = 0.0
        self._width = 0

    def update(self, progress: "Progress") -> None:
        """Draw how much of a sound is done. Raises KeyboardInterrupt when all is to stop."""
        if self._bar is not None and self._bar.stopped:
            raise KeyboardInterrupt
        now_s = time.monotonic()
        if not self._shown or now_s - self._drawn_s < _REDRAW_S:
            return
        self._drawn_s = now_s
        speed = progress.done_s / max(now_s - self._start_s, 1e-3)
        self.draw(f"{_share(progress)}, {factor(speed)}")

    def draw(self, text: str) -> None:
        """Draw `text` behind the label, which is shortened when there is no room for both."""
        if not self._shown:
            return
        # The last column stays free: some terminals go to the next line when it is written.
        room = _terminal_columns() - 1
        text = _cut(text, room)
        line = _cut(f"{_cut(self._label, max(0, room - columns(text) - 2))}  {text}".strip(), room)
        self._put(line)

    def clear(self) -> None:
        """Remove the line."""
        if self._width:
            echoed = 2  # the terminal may have put a ^C behind the line
            sys.stderr.write("\r" + " " * min(self._width + echoed, _terminal_columns() - 1) + "\r")
            sys.stderr.flush()

    def _put(self, line: str) -> None:
        width = columns(line)
        # Blanks instead of an escape sequence: they work on every terminal.
        sys.stderr.write("\r" + line + " " * max(0, self._width - width))
        sys.stderr.flush()
        self._width = width


class Bar:
    """A line that counts files; `stopped` once no more are to be done, not even half of one."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total, self._done, self.stopped = total, 0, False
        self._meter = Meter("", shown=shown)

    def advance(self) -> None:
        """Count one file more."""
        self._done += 1

    def stop(self) -> None:
        """Let every file that is being worked on end at its next block."""
        self.stopped = True

    def draw(self) -> None:
        """Draw the line."""
        self._meter.draw(f"{_bar(self._done / self._total)} {self._done} of {self._total} files")

    def clear(self) -> None:
        """Remove the line."""
        self._meter.clear()


def columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)


def factor(speed: float) -> str:
    """Return a real-time factor in words: seconds of sound in a second."""
    return f"{speed:.0f}x real time" if speed >= 10 else f"{speed:.1f}x real time"


def _share(progress: "Progress") -> str:
    if not progress.total_s:
        return f"{progress.done_s:.1f} s"
    share = min(1.0, progress.done_s / progress.total_s)
    return f"{_bar(share)} {share:4.0%} of {progress.total_s:.1f} s"


def _bar(share: float) -> str:
    done = round(share * _BAR_COLUMNS)
    return f"[{'#' * done}{'-' * (_BAR_COLUMNS - done)}]"


def _cut(text: str, room: int) -> str:
    while columns(text) > room:
        text = text[:-1]
    return text


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def on_terminal() -> bool:
    """Tell whether standard error is a terminal on which a line can be drawn again."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _terminal_columns() -> int:
    # Of standard error: shutil asks about standard output, which may go elsewhere.
    with suppress(OSError, ValueError):
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(2).columns or 80
    return 80


def _print_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
