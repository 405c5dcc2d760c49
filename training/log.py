"""What a run says: lines on the console, and one JSON object a line in `log.jsonl`."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .board import Board
from .validate import Validation


class Log:
    """Averages losses between two reports and writes them down.

    steps: of the whole run. done: steps that were made before this session, for the ETA.
    silent: write no file, as all processes but the first. board: TensorBoard's, closed with this.
    """

    def __init__(
        self,
        folder: Path,
        *,
        steps: int,
        done: int,
        console: Callable[[str], None],
        silent: bool = False,
        board: Board | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = None if silent else (folder / "log.jsonl").open("a", encoding="utf-8")
        self.console, self.board = console, board
        self.steps, self.done = steps, done
        self.began = time.monotonic()
        self.whole_count, self.whole_busy_s = 0, 0.0
        self.whole_parts: dict[str, float] = {}
        self._begin()

    def _begin(self) -> None:
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.parts: dict[str, float] = {}
        self.count, self.busy_s = 0, 0.0

    def add(self, values: dict[str, float], seconds: float) -> None:
        """Take one step's values, and how long it took, into the running means."""
        self.count += 1
        self.busy_s += seconds
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def time_spent(self, parts: dict[str, float]) -> None:
        """Take the seconds of each part of the steps since the last report."""
        self.parts = parts
        for part, seconds in parts.items():
            self.whole_parts[part] = self.whole_parts.get(part, 0.0) + seconds

    def report(self, step: int, extra: dict[str, object]) -> None:
        """Write the means since the last report, each over the steps that had the value."""
        if not self.count:
            return
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        pace = self.count / max(self.busy_s, 1e-9)
        row = {"step": step, "steps_per_s": pace, **means, **extra}
        if any(self.parts.values()):
            row["time"] = {part: round(x, 4) for part, x in _shares(self.parts).items()}
        self._write(row)
        if self.board:
            self.board.scalars(step, row)
        shown = " ".join(f"{name} {value:.4g}" for name, value in means.items())
        self.console(f"step {step}/{self.steps} {pace:.2f}/s ETA {self._left(step)}  {shown}")
        self.whole_count += self.count
        self.whole_busy_s += self.busy_s
        self._begin()

    def summary(self, audio_s: float) -> None:
        """Say how fast the session was, a step being of `audio_s` seconds of sound, and why."""
        if not self.whole_count:
            return
        pace = self.whole_count / max(self.whole_busy_s, 1e-9)
        shares = _shares(self.whole_parts)
        self._write(
            {
                "session": {
                    "steps": self.whole_count,
                    "steps_per_s": pace,
                    "audio_s_per_s": pace * audio_s,
                    "time": {part: round(share, 4) for part, share in shares.items()},
                }
            }
        )
        parts = ", ".join(f"{part} {share:.0%}" for part, share in shares.items() if share)
        self.console(f"{pace:.3g} steps/s, {pace * audio_s:.3g} s of sound a second: {parts}")

    def validation(self, step: int, validation: Validation) -> None:
        """Write one validation, a console line per number of levels."""
        self._write({"step": step, "validation": validation.by_levels})
        if self.board:
            self.board.validation(step, validation.by_levels)
        for levels, measures in validation.by_levels.items():
            shown = " ".join(f"{name} {value:.3f}" for name, value in measures.items())
            self.console(f"  dev at {levels or 'no'} levels: {shown}")

    def note(self, text: str) -> None:
        """Write a remark."""
        self._write({"note": text})
        self.console(text)

    def close(self) -> None:
        """Close the file, and the board."""
        if self.file:
            self.file.close()
        if self.board:
            self.board.close()

    def _left(self, step: int) -> str:
        """Return the time that the rest will take at the pace so far, pauses included."""
        pace = (step - self.done) / max(time.monotonic() - self.began, 1e-9)
        minutes = round((self.steps - step) / max(pace, 1e-9) / 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"

    def _write(self, row: dict[str, object]) -> None:
        if self.file:
            self.file.write(json.dumps(_plain(row)) + "\n")
            self.file.flush()


def _shares(parts: dict[str, float]) -> dict[str, float]:
    """Return every part's share of the whole."""
    whole = max(sum(parts.values()), 1e-12)
    return {part: seconds / whole for part, seconds in parts.items()}


def _plain(value: Any) -> Any:
    """Return value with null for numbers that JSON does not know: NaN and infinities."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
