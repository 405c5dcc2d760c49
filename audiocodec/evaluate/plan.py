"""What a run has to do: which clip meets which system, and what an earlier run did already."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audiocodec.errors import AudioCodecError

from .clips import Clip, read_sound
from .measures import TOKEN_MEASURES, suits
from .results import Result
from .systems import ModelSystem, Point, System

AUDIO = "audio"
REFERENCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run does, beside its clips and systems.

    measures: their names. seconds: from the middle of each clip, None for all of it.
    suited: leave measures out for categories that they were not made for.
    align: put a copy that is late or early back on time before it is measured.
    stability: names of clips whose codes are tried for stability.
    jobs: processes; 1 stays in this one.
    """

    measures: tuple[str, ...]
    seconds: float | None = None
    suited: bool = True
    align: bool = False
    stability: frozenset[str] = frozenset()
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """A clip that one system could not copy, or that could not be read (system "")."""

    clip: str
    system: str
    message: str


@dataclass(frozen=True, slots=True)
class Task:
    """One clip and one system, at the points that are to be made."""

    clip: Clip
    system: System
    points: tuple[Point, ...]
    options: Options
    folder: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, the keys of all results in their order, and clips that are lost."""

    tasks: list[Task]
    keys: list[str]
    failures: list[Failure]
    lost_points: int


def make_plan(
    clips: Sequence[Clip],
    systems: Sequence[System],
    folder: Path,
    options: Options,
    earlier: dict[str, Result],
) -> Plan:
    """Return what is left to do. `earlier`: results of former runs, by key."""
    tasks: list[Task] = []
    keys: list[str] = []
    failures: list[Failure] = []
    lost = 0
    for clip in clips:
        try:
            digest = read_sound(clip.path, options.seconds).digest
        except AudioCodecError as error:
            failures.append(Failure(clip.name, "", str(error)))
            lost += sum(len(system.points) for system in systems)
            continue
        for system in systems:
            todo = []
            for point in system.points:
                keys.append(result_key(clip, digest, point, options))
                result = earlier.get(keys[-1])
                if not _is_done(result, clip, point, system, folder, options):
                    todo.append(point)
            if todo:
                tasks.append(Task(clip, system, tuple(todo), options, folder))
    return Plan(tasks, keys, failures, lost)


def result_key(clip: Clip, digest: str, point: Point, options: Options) -> str:
    """Return what names a result from run to run: the samples, the point, and how it is measured.

    digest: of the clip's samples. Which measures are asked for is no part of it.
    """
    parts = (clip.name, clip.category, digest, point.identity, str(options.align))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _is_done(
    result: Result | None,
    clip: Clip,
    point: Point,
    system: System,
    folder: Path,
    options: Options,
) -> bool:
    if result is None or not set(asked_for(clip, system, options)) <= set(result.asked):
        return False
    if not clip.listen:
        return True
    places = (audio_file(folder, clip, REFERENCE), audio_file(folder, clip, point.name))
    return all(place.exists() for place in places)


def asked_for(clip: Clip, system: System, options: Options) -> tuple[str, ...]:
    """Return the measures for one clip: those of codes only where codes are tried."""
    is_model = isinstance(system, ModelSystem)
    tokens = is_model and clip.name in options.stability
    return tuple(
        name
        for name in options.measures
        if (tokens if name in TOKEN_MEASURES else True)
        and (not options.suited or suits(name, clip.category))
    )


def audio_file(folder: Path, clip: Clip, point: str) -> Path:
    """Return where the sound of a clip at a point, or its reference, is kept for players."""
    stem = clip.name.rpartition(".")[0] or clip.name
    return folder / AUDIO / _plain(stem) / f"{_plain(point)}.flac"


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-") or "x"
