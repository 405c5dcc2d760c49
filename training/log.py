"""What a run says: lines on the console, and one JSON object a line in `log.jsonl`."""

import json
import sys
import time
from pathlib import Path
from typing import TextIO

from .validate import Validation


class Log:
    """Averages losses between two reports and writes them down."""

    def __init__(self, folder: Path, *, steps: int, console: TextIO | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = (folder / "log.jsonl").open("a", encoding="utf-8")
        self.console = console if console is not None else sys.stderr
        self.steps = steps
        self.sums: dict[str, float] = {}
        self.count = 0
        self.began = time.monotonic()

    def add(self, values: dict[str, float]) -> None:
        """Take one step's values into the running means."""
        self.count += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def report(self, step: int, extra: dict[str, object]) -> None:
        """Write the means since the last report."""
        if not self.count:
            return
        means = {name: total / self.count for name, total in self.sums.items()}
        pace = self.count / (time.monotonic() - self.began)
        self._write({"step": step, "steps_per_s": pace, **means, **extra})
        left_s = (self.steps - step) / pace
        shown = " ".join(f"{name} {value:.4g}" for name, value in means.items())
        self._say(f"step {step}/{self.steps} {pace:.2f}/s ETA {left_s / 60:.0f} min  {shown}")
        self.sums, self.count, self.began = {}, 0, time.monotonic()

    def validation(self, step: int, validation: Validation) -> None:
        """Write one validation, a console line per number of levels."""
        self._write({"step": step, "validation": validation.by_levels})
        for levels, measures in validation.by_levels.items():
            shown = " ".join(f"{name} {value:.3f}" for name, value in measures.items())
            self._say(f"  dev at {levels or 'no'} levels: {shown}")
        self.began = time.monotonic()

    def note(self, text: str) -> None:
        """Write a remark."""
        self._write({"note": text})
        self._say(text)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _write(self, row: dict[str, object]) -> None:
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()

    def _say(self, text: str) -> None:
        print(text, file=self.console, flush=True)
