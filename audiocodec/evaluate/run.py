"""A run: every clip through every system, over processes, going on where an earlier one stopped."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import IO

import numpy as np

from audiocodec.audio.write import SoundWriter
from audiocodec.errors import AudioCodecError

from .clips import Clip, Sound, read_sound
from .measures import MEASURES, TOKEN_MEASURES
from .plan import REFERENCE, Failure, Options, Task, asked_for, audio_file, make_plan, result_key
from .results import RESULTS, Result, pack_counts, read_results, result_line
from .systems import Copy, ModelSystem, System, load_codec
from .tokens import measure_stability
from .verdict import judge, shift


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: copies measured, of how many; kept ones came from an earlier run."""

    done: int
    total: int
    kept: int
    clip: str


@dataclass(frozen=True, slots=True)
class Finished:
    """All results, in the order of clips and points, and what failed."""

    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    kept: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    results: tuple[Result, ...]
    failure: Failure | None = None


def run(
    clips: Sequence[Clip],
    systems: Sequence[System],
    folder: Path,
    options: Options,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Finished:
    """Measure all clips at all points; every result is written to `folder` at once.

    What `folder` holds already of the same clips, points and measures is kept, and a run that was
    interrupted goes on. Sounds of clips with a player go to `folder`/audio as FLAC.
    A clip or a system that fails does not stop the others.
    Raises AudioCodecError where `folder` cannot be written.
    """
    earlier = read_results(folder / RESULTS)
    plan = make_plan(clips, systems, folder, options, earlier)
    total = len(clips) * sum(len(system.points) for system in systems)
    kept = total - sum(len(task.points) for task in plan.tasks) - plan.lost_points
    found = dict(earlier)
    failures = list(plan.failures)
    done = kept
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / RESULTS, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise AudioCodecError(f"cannot write to {folder}: {error.strerror}") from error
    with file:
        _end_torn_line(file, folder / RESULTS)
        on_progress(Progress(done, total, kept, ""))
        for task, outcome in _work(plan.tasks, options.jobs):
            file.writelines(map(result_line, outcome.results))
            file.flush()
            found.update({result.key: result for result in outcome.results})
            if outcome.failure is not None:
                failures.append(outcome.failure)
            done += len(task.points)
            on_progress(Progress(done, total, kept, task.clip.name))
    ordered = [found[key] for key in plan.keys if key in found]
    return Finished(tuple(ordered), tuple(failures), kept)


def _work(tasks: list[Task], jobs: int) -> Iterator[tuple[Task, _Outcome]]:
    if jobs <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield task, _do(task)
        return
    # Spawned, not forked: torch's threads do not survive a fork.
    with ProcessPoolExecutor(min(jobs, len(tasks)), get_context("spawn"), _one_thread) as pool:
        try:
            pending: dict[Future[_Outcome], Task] = {pool.submit(_do, t): t for t in tasks}
            while pending:
                finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield pending.pop(future), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)  # processes share the cores already


def _do(task: Task) -> _Outcome:
    """Copy and measure one clip by one system."""
    results: list[Result] = []
    try:
        sound = read_sound(task.clip.path, task.options.seconds)
        digest = sound.digest
        if task.clip.listen:
            _keep(task, sound, REFERENCE, sound)
        for copy in task.system.copies(task.clip, sound, task.points):
            results.append(_measure(task, sound, digest, copy))
    except AudioCodecError as error:
        failure = Failure(task.clip.name, task.points[0].system, str(error))
        return _Outcome(tuple(results), failure)
    return _Outcome(tuple(results))


def _measure(task: Task, sound: Sound, digest: str, copy: Copy) -> Result:
    options, clip = task.options, task.clip
    verdict = judge(sound.wav, copy.wav, sound.sample_rate_hz)
    heard = shift(verdict.copy, verdict.lag_samples) if options.align else verdict.copy
    if clip.listen and np.isfinite(heard).all():
        _keep(task, sound, copy.point.name, Sound(heard, sound.sample_rate_hz))
    asked = asked_for(clip, task.system, options)
    measured = {}
    if verdict.measurable:
        for name in asked:
            compare = MEASURES[name].compare
            if compare is not None:
                measured[name] = compare(sound.wav, heard, sound.sample_rate_hz)
        measured |= _stability(task, sound, copy, asked)
    most = task.system.points[-1]
    counted = copy.codes is not None and copy.point == most
    return Result(
        key=result_key(clip, digest, copy.point, options),
        clip=clip.name,
        system=copy.point.system,
        label=copy.point.label,
        kbps=copy.point.kbps,
        seconds=len(sound.wav) / sound.sample_rate_hz,
        payload_bytes=copy.payload_bytes,
        file_bytes=copy.file_bytes,
        verdict=str(verdict.problem),
        message=verdict.message,
        asked=asked,
        measures=measured,
        usage=pack_counts(copy.codes.indices, copy.codes.spec.codebook_sizes)
        if counted and copy.codes is not None
        else "",
    )


def _stability(task: Task, sound: Sound, copy: Copy, asked: tuple[str, ...]) -> dict[str, float]:
    wanted = [name for name in asked if name in TOKEN_MEASURES]
    if not wanted or copy.codes is None or not isinstance(task.system, ModelSystem):
        return {}
    codec = load_codec(task.system.model, task.system.device)
    found = measure_stability(codec, sound, copy.codes.levels)
    if found is None:
        return {}
    values = {"kept_1": found.kept_1, "kept_10": found.kept_10, "sliced": found.sliced}
    return {name: values[name] for name in wanted}


def _keep(task: Task, reference: Sound, name: str, sound: Sound) -> None:
    path = audio_file(task.folder, task.clip, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioCodecError(f"cannot make {path.parent}: {error.strerror}") from error
    with SoundWriter(
        path, sample_rate_hz=sound.sample_rate_hz, channels=1, overwrite=True
    ) as writer:
        writer.write(sound.wav[None])


def _end_torn_line(file: IO[str], path: Path) -> None:
    """Begin a new line where a kill left half of one."""
    with suppress(OSError), open(path, "rb") as before:
        before.seek(0, 2)
        if before.tell() and before.seek(-1, 2) >= 0 and before.read(1) != b"\n":
            file.write("\n")
