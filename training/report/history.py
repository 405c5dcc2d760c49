"""What a run's folder tells: its log line by line, its recipe, its clips."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiocodec.errors import AudioCodecError

CLIP = re.compile(r"(?P<number>\d+)_(?:real|step_(?P<step>\d+)_levels_(?P<levels>\d+))\.wav")


@dataclass(frozen=True, slots=True)
class Clip:
    """One validation clip: the real sound, and what the network made of it by step."""

    number: int
    real: Path
    made: dict[int, Path]


@dataclass(frozen=True, slots=True)
class History:
    """A run. reports, validations: rows by rising step, what was made twice only as the last
    time; notes: remarks in their order; sessions: how fast each session was; recipe: its tables,
    empty for runs that did not write it.
    """

    folder: Path
    reports: tuple[dict[str, Any], ...]
    validations: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    sessions: tuple[dict[str, Any], ...]
    recipe: Mapping[str, Any]
    clips: tuple[Clip, ...]

    @property
    def steps(self) -> int:
        """The last step that was reported."""
        rows = [*self.reports, *self.validations]
        return max((int(row["step"]) for row in rows), default=0)

    def names(self) -> list[str]:
        """Return the names of everything that any report has."""
        return list(dict.fromkeys(name for row in self.reports for name in row))


def read_history(folder: Path) -> History:
    """Read a run's folder. Raises AudioCodecError where it holds no log."""
    path = folder / "log.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise AudioCodecError(f"{path}: cannot be read ({error.strerror}); no run") from error
    rows = [row for line in lines if (row := _row(line)) is not None]
    return History(
        folder=folder,
        reports=_by_step(row for row in rows if "steps_per_s" in row and "step" in row),
        validations=_by_step(row for row in rows if "validation" in row and "step" in row),
        notes=tuple(str(row["note"]) for row in rows if "note" in row),
        sessions=tuple(row["session"] for row in rows if "session" in row),
        recipe=_recipe(folder / "recipe.json"),
        clips=tuple(_clips(folder / "clips")),
    )


def _row(line: str) -> dict[str, Any] | None:
    """Return a line of the log; None for one that a kill cut in two."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _by_step(rows: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    by_step = {int(row["step"]): row for row in rows}
    return tuple(by_step[step] for step in sorted(by_step))


def _recipe(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _clips(folder: Path) -> list[Clip]:
    real: dict[int, Path] = {}
    made: dict[int, dict[int, Path]] = {}
    for path in sorted(folder.glob("*.wav")):
        if match := CLIP.fullmatch(path.name):
            number = int(match["number"])
            if match["step"] is None:
                real[number] = path
            else:
                made.setdefault(number, {})[int(match["step"])] = path
    return [Clip(number, path, made.get(number, {})) for number, path in sorted(real.items())]
