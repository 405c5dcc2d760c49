"""The loop: when to step, to log, to validate, to save and to stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from audiocodec.errors import AudioCodecError

from . import checkpoint
from .config import Recipe
from .data.corpus import Corpus, load_corpus
from .data.crops import Crops
from .data.manifest import NoData, list_entries
from .export import export
from .log import Log
from .state import TrainState, new_state
from .step import StepResult, train_step
from .validate import choose_clips, validate


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: after which step, whether it was the last, and where the export lies."""

    step: int
    finished: bool
    folder: Path


def pick_device(name: str) -> torch.device:
    """Return the device by name; "auto" takes CUDA where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def train(recipe: Recipe, *, console: Callable[[str], None]) -> Outcome:
    """Run a recipe, from its last checkpoint where there is one, and export the result.

    Ctrl-C and `run.max_minutes` end it cleanly after a checkpoint. Raises NoData, BadCheckpoint.
    """
    began = time.monotonic()
    if recipe.run.threads:
        torch.set_num_threads(recipe.run.threads)
    device = pick_device(recipe.run.device)
    corpus = _corpus(recipe, recipe.data.train_split, console)
    clips = _clips(recipe, console)
    state = new_state(recipe, _crops(corpus, recipe), device)
    folder = Path(recipe.run.folder)
    if (folder / checkpoint.LAST).exists():
        state.load_state_dict(checkpoint.load(folder / checkpoint.LAST))
        console(f"resumed after step {state.step}")
    log = Log(folder, steps=recipe.steps)
    try:
        _loop(state, recipe, clips, log, began)
    except KeyboardInterrupt:
        log.note(f"stopped by hand after step {state.step}")
    finally:
        if state.step:
            checkpoint.save(folder / checkpoint.LAST, state.state_dict())
            export(state.network, folder / "export", recipe=recipe, step=state.step)
        log.close()
    return Outcome(state.step, state.step >= recipe.steps, folder / "export")


def _loop(
    state: TrainState, recipe: Recipe, clips: list[torch.Tensor], log: Log, began: float
) -> None:
    run, device = recipe.run, state.network.quantizer.codebooks.device
    best = float("inf")
    while state.step < recipe.steps:
        if run.max_minutes and time.monotonic() - began > 60 * run.max_minutes:
            log.note(f"{run.max_minutes:g} minutes are over after step {state.step}")
            return
        result = train_step(state, state.crops.draw(device), recipe)
        if not torch.isfinite(result.gradient_norm):
            log.note(f"step {state.step}: gradient not finite, step left out")
        log.add(_scalars(result))
        if state.step % run.log_every == 0:
            log.report(state.step, _codebooks(state))
        if clips and state.step % run.validate_every == 0:
            quantized = state.quantizer.started
            found = validate(state.network, clips, run.validation_levels, quantize=quantized)
            log.validation(state.step, found)
            if quantized and found.score < best:
                best = found.score
                checkpoint.save(Path(run.folder) / checkpoint.BEST, state.state_dict())
        if state.step % run.save_every == 0:
            checkpoint.save(Path(run.folder) / checkpoint.LAST, state.state_dict())


def _scalars(result: StepResult) -> dict[str, float]:
    return {
        **{name: float(loss) for name, loss in result.losses.items()},
        "gradient_norm": float(result.gradient_norm),
        "embedding_norm": float(result.embedding_norm),
    }


def _codebooks(state: TrainState) -> dict[str, object]:
    if not state.quantizer.started:
        return {}
    return {
        "diversity": [round(x, 4) for x in state.quantizer.diversity().tolist()],
        "dead": [round(x, 4) for x in state.quantizer.dead().tolist()],
        "skipped": state.skipped,
    }


def _crops(corpus: Corpus, recipe: Recipe) -> Crops:
    hop = recipe.model.hop_samples
    frames = max(1, round(recipe.data.segment_s * recipe.model.sample_rate_hz / hop))
    return Crops(corpus, recipe.data, segment_samples=frames * hop, seed=recipe.run.seed + 2)


def _corpus(recipe: Recipe, split: str, console: Callable[[str], None]) -> Corpus:
    entries = list_entries(recipe.data, split)

    def progress(done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            console(f"{split}: read {done} of {total} files")

    corpus = load_corpus(entries, recipe.model.sample_rate_hz, progress)
    for reason in corpus.unreadable:
        console(f"left out: {reason}")
    minutes = corpus.total_samples / recipe.model.sample_rate_hz / 60
    console(f"{split}: {minutes:.1f} min in {len(corpus.entries)} files")
    return corpus


def _clips(recipe: Recipe, console: Callable[[str], None]) -> list[torch.Tensor]:
    """Return the validation clips; none, with a remark, where there is no such split."""
    if not recipe.run.validation_clips:
        return []
    try:
        corpus = _corpus(recipe, recipe.data.validation_split, console)
    except NoData as error:
        console(f"no validation: {error}")
        return []
    return choose_clips(corpus, recipe.run, recipe.model.sample_rate_hz)


__all__ = ["AudioCodecError", "Outcome", "train"]
