"""What `codec eval` and `codec listening-test` share: their options, and the run itself."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiocodec.errors import AudioCodecError

from .console import Console
from .options import WrongUsage

if TYPE_CHECKING:
    from audiocodec.evaluate.clips import Clip
    from audiocodec.evaluate.report import Report
    from audiocodec.evaluate.run import Progress
    from audiocodec.evaluate.systems import System

Bitrates = Annotated[
    str | None,
    typer.Option(
        "-b",
        "--bitrates",
        metavar="KBPS,...",
        help="Bit rates of the models, snapped down to whole levels, and of peers with {kbps}.",
    ),
]
LevelList = Annotated[
    str | None,
    typer.Option(
        "-n", "--levels", metavar="N,...", help="Levels of the models, instead of bit rates."
    ),
]
Against = Annotated[
    list[str] | None,
    typer.Option(
        "--against",
        metavar="CODEC",
        help="opus:6,12 (kbps), soundfile-dir:FOLDER (copies with the same names), "
        "lowpass:3500 (Hz), or a model; may be given again.",
    ),
]
Peers = Annotated[
    list[str] | None,
    typer.Option(
        "--peer",
        metavar="[NAME=]CMD",
        help="A command that codes a file, with {in} {out} and as wanted {kbps} and {codes}; no "
        "shell runs it; may be given again.",
    ),
]
Split = Annotated[
    str | None, typer.Option("--split", help="Only rows of this split of the manifest.")
]
Manifest = Annotated[
    Path | None,
    typer.Option(
        "--manifest",
        metavar="CSV",
        help="Another manifest than DIR/manifest.csv: path, split, category, bandwidth_hz.",
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Most clips of a category.")
]
Seconds = Annotated[
    float | None,
    typer.Option("--seconds", min=0.1, metavar="S", help="Only the middle S seconds of a clip."),
]
Jobs = Annotated[
    int | None,
    typer.Option("-j", "--jobs", min=1, metavar="N", help="Processes; all cores by default."),
]
Align = Annotated[
    bool, typer.Option("--align", help="Put copies that are late or early back on time first.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Which clips, and what copies them; the fields are the options of the same names."""

    words: list[str]
    bitrates: str | None
    levels: str | None
    against: list[str]
    peers: list[str]
    split: str | None
    manifest: Path | None
    limit: int | None
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalOptions:
    """How they are measured; the fields are the options of the same names."""

    out: Path
    players: int
    listen: Path | None
    measures: str | None
    every_measure: bool
    stability: int
    align: bool
    seconds: float | None
    jobs: int | None
    fresh: bool
    title: str | None
    command: str


def evaluate(task: Task, chosen: EvalOptions, console: Console) -> "Report":
    """Measure, with progress on a terminal; raises AudioCodecError."""
    with console.status("loading the models ..."):
        import torch

        from audiocodec.evaluate.clips import spread
        from audiocodec.evaluate.measures import choose
        from audiocodec.evaluate.plan import Options
        from audiocodec.evaluate.report import Report
        from audiocodec.evaluate.results import RESULTS
        from audiocodec.evaluate.run import run

        clips, systems = find_clips(task), find_systems(task)
    choice = choose(_names(chosen.measures))
    for line in choice.left_out.values():
        console.note(line)
    stable = frozenset(clip.name for clip in spread(clips, chosen.stability))
    clips = _with_players(clips, chosen)
    jobs = chosen.jobs or os.cpu_count() or 1
    options = Options(
        measures=choice.names,
        seconds=chosen.seconds,
        suited=not chosen.every_measure,
        align=chosen.align,
        stability=stable,
        jobs=jobs,
    )
    if chosen.fresh:
        (chosen.out / RESULTS).unlink(missing_ok=True)
    if jobs == 1:
        torch.set_num_threads(1)
    with console.meter("measuring") as meter:
        finished = run(clips, systems, chosen.out, options, _shown(meter.draw))
    if finished.kept:
        console.note(f"{finished.kept} copies were measured by an earlier run into {chosen.out}")
    if not finished.results and finished.failures:
        raise AudioCodecError(f"nothing could be measured: {finished.failures[0].message}")
    return Report(
        title=chosen.title or f"Evaluation on {Path(task.words[-1]).resolve().name}",
        command=chosen.command,
        seconds=chosen.seconds,
        models=tuple(_described(systems)),
        clips=clips,
        results=finished.results,
        failures=finished.failures,
        left_out=choice.left_out,
    )


def find_clips(task: Task) -> "list[Clip]":
    """Return the clips of a task. Raises UnsupportedAudio."""
    from audiocodec.evaluate.clips import list_clips, spread

    folder = Path(task.words[-1])
    return spread(list_clips(folder, task.split, manifest=task.manifest), task.limit)


def find_systems(task: Task) -> "list[System]":
    """Return what copies the clips: models first. Raises AudioCodecError."""
    from audiocodec.evaluate.choose import choose_peer, numbers
    from audiocodec.evaluate.peers import command_system
    from audiocodec.evaluate.systems import model_system

    if task.bitrates and task.levels:
        raise WrongUsage("--bitrates and --levels both choose the levels: give one of them")
    bitrates = numbers(task.bitrates) if task.bitrates else ()
    levels = tuple(round(value) for value in numbers(task.levels)) if task.levels else ()
    models: list[str | None] = [*task.words[:-1]] or [None]
    systems: list[System] = [
        model_system(model, bitrates_kbps=bitrates, levels=levels, device=task.device)
        for model in models
    ]
    systems += [
        choose_peer(text, bitrates_kbps=bitrates, device=task.device) for text in task.against
    ]
    systems += [command_system(text, bitrates) for text in task.peers]
    return _distinct(systems)


def _distinct(systems: "list[System]") -> "list[System]":
    """Give systems of the same name numbers: two models may both be called "model"."""
    seen: dict[str, int] = {}
    for place, system in enumerate(systems):
        name = system.points[0].system
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            systems[place] = replace(system, name=f"{name} ({seen[name]})")  # type: ignore[type-var]
    return systems


def _described(systems: "list[System]") -> list[str]:
    from audiocodec.evaluate.peers import OpusSystem
    from audiocodec.evaluate.systems import ModelSystem

    lines = []
    for system in systems:
        if isinstance(system, ModelSystem):
            lines.append(f"{system.name}: weights {system.digest[:12] or 'without a name'}")
        if isinstance(system, OpusSystem):
            lines.append(f"{system.name}: by {system.tool}, with its usual settings")
    return lines


def _with_players(clips: "list[Clip]", chosen: EvalOptions) -> "list[Clip]":
    from audiocodec.evaluate.clips import list_clips, spread

    if chosen.listen is not None:
        extra = [
            replace(clip, name=f"{chosen.listen.name}/{clip.name}", listen=True, counts=False)
            for clip in list_clips(chosen.listen)
        ]
        return clips + extra
    heard = {clip.name for clip in spread(clips, chosen.players)}
    return [replace(clip, listen=clip.name in heard) for clip in clips]


def _names(text: str | None) -> tuple[str, ...] | None:
    """Return the names in a list; None for all measures, and none of them for an empty list."""
    return None if text is None else tuple(word.strip() for word in text.split(",") if word.strip())


def _shown(draw: Callable[[str], None]) -> "Callable[[Progress], None]":
    def show(progress: "Progress") -> None:
        share = progress.done / max(1, progress.total)
        bar = "#" * round(16 * share) + "-" * (16 - round(16 * share))
        draw(f"[{bar}] {progress.done}/{progress.total} {progress.clip}")

    return show
