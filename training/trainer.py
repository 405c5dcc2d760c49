"""The loop: when to step, to log, to validate, to save and to stop."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from audiocodec.atomic import atomic_output
from audiocodec.load import pick_device as pick_named_device

from . import checkpoint
from .board import open_board
from .config import Recipe, RecipeError
from .data.corpus import Corpus
from .data.crops import Crops
from .data.manifest import NoData
from .data.reading import read_training, read_validation
from .export import FOLDERS, export
from .group import Group, joined, local_rank
from .interrupt import StopRequest
from .log import Log
from .progress import progress
from .state import TrainState, new_state
from .step import StepResult, train_step
from .validate import choose_entries, cut_clips, save_clips, validate

Console = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: after which step, whether it was the last, and where the export lies."""

    step: int
    finished: bool
    folder: Path


def pick_device(name: str) -> torch.device:
    """Return the device by name; "auto" takes CUDA where there is one, else the CPU.

    Of several processes on a machine, each gets a GPU of its own.
    Raises AudioCodecError for a device that this machine does not have.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(pick_named_device(name))
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", local_rank())
    return device


def train(recipe: Recipe, *, console: Console) -> Outcome:
    """Run a recipe, from its last checkpoint where there is one, and export the result.

    Ctrl-C, SIGTERM and `run.max_minutes` end it cleanly, after a whole step, with a checkpoint
    and an export. Started by torchrun, its processes share every batch; the first one speaks and
    writes. Raises NoData, BadCheckpoint, UnknownModel, RecipeError.
    """
    began = time.monotonic()
    if recipe.run.threads:
        torch.set_num_threads(recipe.run.threads)
    device = pick_device(recipe.run.device)
    with joined(device) as group:
        return _train(recipe, device, group, console if group.first else _silence, began)


def _silence(text: str) -> None:
    pass


def _train(
    recipe: Recipe, device: torch.device, group: Group, console: Console, began: float
) -> Outcome:
    folder = recipe.run.path
    _check_shares(recipe, group)
    corpus = read_training(recipe, console).resident(device)
    clips = _clips(recipe, console) if group.first else []
    state = new_state(recipe, _crops(corpus, recipe), device, group)
    last = folder / checkpoint.LAST
    if group.first:
        checkpoint.remove_leftovers(folder)
    if last.exists():
        checkpoint.restore(state, checkpoint.load(last), last)
        console(f"resumed after step {state.step}")
    group.wait()
    if group.first:
        _write_recipe(recipe)
    wanted = recipe.run.tensorboard and group.first
    log = Log(
        folder,
        steps=recipe.steps,
        done=state.step,
        console=console,
        silent=not group.first,
        board=open_board(folder, console) if wanted else None,
    )
    try:
        with StopRequest() as stop:
            _loop(state, recipe, clips, log, lambda: _reason_to_stop(recipe, began, stop))
            # A bug or a full disk does not come here: the checkpoint before it stays.
            if state.step and group.first:
                checkpoint.save(last, state.state_dict())
                export(state.product, folder / FOLDERS["last"], recipe=recipe, step=state.step)
        group.wait()
    finally:
        log.close()
    return Outcome(state.step, state.step >= recipe.steps, folder / FOLDERS["last"])


def _write_recipe(recipe: Recipe) -> None:
    """Leave the numbers of the run beside its log, for the report."""
    recipe.run.path.mkdir(parents=True, exist_ok=True)
    with atomic_output(recipe.run.path / "recipe.json", overwrite=True) as file:
        file.write((json.dumps(asdict(recipe), indent=1) + "\n").encode())


def _check_shares(recipe: Recipe, group: Group) -> None:
    pieces = group.size * recipe.optim.accumulate
    if recipe.data.batch_size % pieces:
        raise RecipeError(
            f"data.batch_size is {recipe.data.batch_size}, which {group.size} processes with "
            f"optim.accumulate={recipe.optim.accumulate} cannot share: take a multiple of {pieces}"
        )


def _reason_to_stop(recipe: Recipe, began: float, stop: StopRequest) -> str:
    """Return why to stop before the last step, or ""."""
    minutes = recipe.run.max_minutes
    if stop.asked:
        return "stopped by hand"
    if minutes and time.monotonic() - began > 60 * minutes:
        return f"{minutes:g} minutes are over"
    return ""


def _loop(
    state: TrainState,
    recipe: Recipe,
    clips: list[Tensor],
    log: Log,
    reason_to_stop: Callable[[], str],
) -> None:
    run, device = recipe.run, state.network.quantizer.codebooks.device
    last, rows = run.path / checkpoint.LAST, state.group.rows(recipe.data.batch_size)
    while state.step < recipe.steps:
        reason = reason_to_stop()
        if state.group.any(bool(reason), device):
            log.note(f"{reason or 'stopped'} after step {state.step}")
            break
        began = time.monotonic()
        state.clock.begin()
        wav = state.crops.draw(device, rows)
        state.clock.lap("data")
        result = train_step(state, wav, recipe)
        if result.left_out:
            log.note(f"step {state.step}: gradient not finite, left out ({state.skipped} so far)")
        else:
            log.add(_scalars(result), time.monotonic() - began)
        if state.step % run.log_every == 0 or state.step == recipe.steps:
            log.time_spent(state.clock.totals())
            log.report(state.step, progress(state, recipe))
        if clips and (state.step % run.validate_every == 0 or state.step == recipe.steps):
            _validate(state, recipe, clips, log)
        if state.step % run.save_every == 0 and state.group.first:
            checkpoint.save(last, state.state_dict())
    log.summary(recipe.data.batch_size * recipe.data.segment_s)


def _validate(state: TrainState, recipe: Recipe, clips: list[Tensor], log: Log) -> None:
    """Measure and save the clips; keep the checkpoint if it is the best so far."""
    run, folder = recipe.run, recipe.run.path
    quantized = state.quantizer.started
    found = validate(state.product, clips, run.validation_levels, quantize=quantized)
    log.validation(state.step, found)
    save_clips(
        state.product,
        clips[: run.saved_clips],
        folder / "clips",
        step=state.step,
        quantize=quantized,
        board=log.board,
    )
    if quantized and found.score < state.best:
        state.best = found.score
        checkpoint.save(folder / checkpoint.BEST, state.state_dict())


def _scalars(result: StepResult) -> dict[str, float]:
    return {name: float(value) for name, value in (result.losses | result.norms).items()}


def _crops(corpus: Corpus, recipe: Recipe) -> Crops:
    hop = recipe.model.hop_samples
    frames = max(1, round(recipe.data.segment_s * recipe.model.sample_rate_hz / hop))
    return Crops(corpus, recipe.data, segment_samples=frames * hop, seed=recipe.run.seed + 2)


def _clips(recipe: Recipe, console: Console) -> list[Tensor]:
    """Return the validation clips; none, with a remark, where there is no such split."""
    if not recipe.run.validation_clips:
        return []
    try:
        corpus = read_validation(recipe, console, choose_entries)
    except NoData as error:
        console(f"no validation: {error}")
        return []
    return cut_clips(corpus, recipe.run, recipe.model.sample_rate_hz)
