"""What a run says: lines on the console, and one JSON object a line in `log.jsonl`."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .validate import Validation


class Log:
    """Averages losses between two reports and writes them down.

    steps: of the whole run. done: steps that were made before this session, for the ETA.
    """

    def __init__(
        self, folder: Path, *, steps: int, done: int, console: Callable[[str], None]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = (folder / "log.jsonl").open("a", encoding="utf-8")
        self.console = console
        self.steps, self.done = steps, done
        self.began = time.monotonic()
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.count, self.busy_s = 0, 0.0

    def add(self, values: dict[str, float], seconds: float) -> None:
        """Take one step's values, and how long it took, into the running means."""
        self.count += 1
        self.busy_s += seconds
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def report(self, step: int, extra: dict[str, object]) -> None:
        """Write the means since the last report, each over the steps that had the value."""
        if not self.count:
            return
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        pace = self.count / max(self.busy_s, 1e-9)
        self._write({"step": step, "steps_per_s": pace, **means, **extra})
        shown = " ".join(f"{name} {value:.4g}" for name, value in means.items())
        self.console(f"step {step}/{self.steps} {pace:.2f}/s ETA {self._left(step)}  {shown}")
        self.sums, self.counts, self.count, self.busy_s = {}, {}, 0, 0.0

    def validation(self, step: int, validation: Validation) -> None:
        """Write one validation, a console line per number of levels."""
        self._write({"step": step, "validation": validation.by_levels})
        for levels, measures in validation.by_levels.items():
            shown = " ".join(f"{name} {value:.3f}" for name, value in measures.items())
            self.console(f"  dev at {levels or 'no'} levels: {shown}")

    def note(self, text: str) -> None:
        """Write a remark."""
        self._write({"note": text})
        self.console(text)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _left(self, step: int) -> str:
        """Return the time that the rest will take at the pace so far, pauses included."""
        pace = (step - self.done) / max(time.monotonic() - self.began, 1e-9)
        minutes = round((self.steps - step) / max(pace, 1e-9) / 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"

    def _write(self, row: dict[str, object]) -> None:
        self.file.write(json.dumps(_plain(row)) + "\n")
        self.file.flush()


def _plain(value: Any) -> Any:
    """Return value with null for numbers that JSON does not know: NaN and infinities."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
