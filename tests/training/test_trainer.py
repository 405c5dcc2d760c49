"""The loop: stopping, resuming, validating, and folders as they are found."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from audiocodec.training import checkpoint, trainer
from audiocodec.training.checkpoint import BadCheckpoint
from audiocodec.training.config import Recipe, with_run
from audiocodec.training.state import TrainState
from audiocodec.training.step import StepResult, train_step
from audiocodec.training.trainer import pick_device, train

from audiocodec.errors import AudioCodecError


@pytest.fixture
def on_disk(tmp_path: Path, recipe: Recipe) -> Recipe:
    """Return the tiny recipe with data in `data/{train,dev}`, three validations, run in `run`."""
    random = np.random.default_rng(0)
    for split, count in (("train", 3), ("dev", 2)):
        (tmp_path / "data" / split).mkdir(parents=True)
        for i in range(count):
            tone = 0.4 * np.sin(np.arange(4000) * (0.1 + 0.1 * i)) + random.normal(0, 0.02, 4000)
            soundfile.write(tmp_path / "data" / split / f"{i}.wav", tone, 8000)
    data = replace(recipe.data, root=str(tmp_path / "data"))
    return replace(
        with_run(
            recipe,
            folder=str(tmp_path / "run"),
            validation_clips=2,
            validation_s=0.3,
            validate_every=4,
            saved_clips=1,
        ),
        data=data,
    )


def rows(recipe: Recipe) -> list[dict[str, Any]]:
    text = (recipe.run.path / "log.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def weights(recipe: Recipe) -> dict[str, torch.Tensor]:
    network: dict[str, torch.Tensor] = checkpoint.load(recipe.run.path / "last.pt")["network"]
    return network


def quiet(text: str) -> None:
    pass


def stop_after(step: int, monkeypatch: pytest.MonkeyPatch, stop: Callable[[], None]) -> None:
    """Call `stop` in the middle of the step after so many."""

    def stepping(state: TrainState, wav: torch.Tensor, recipe: Recipe) -> StepResult:
        if state.step == step:
            stop()
        return train_step(state, wav, recipe)

    monkeypatch.setattr(trainer, "train_step", stepping)


def test_a_whole_run_leaves_log_checkpoints_clips_and_an_export(on_disk: Recipe) -> None:
    outcome = train(on_disk, console=quiet)
    run = on_disk.run.path
    assert (outcome.step, outcome.finished, outcome.folder) == (10, True, run / "export")
    files = {"recipe.json", "log.jsonl", "last.pt", "best.pt", "clips", "export"}
    assert {p.name for p in run.iterdir()} == files
    steps = [row["step"] for row in rows(on_disk) if "steps_per_s" in row]
    assert steps == list(range(1, 11))
    last = next(row for row in rows(on_disk) if row.get("step") == 10)
    assert {"spectral", "reconstruction", "commitment", "adversarial", "feature", "discriminator",
            "gradient_norm", "embedding_norm", "generator_lr", "diversity", "dead",
            "codebook_norm"} <= set(last)  # fmt: skip
    assert len(last["diversity"]) == 3
    validated = [row["step"] for row in rows(on_disk) if "validation" in row]
    assert validated == [4, 8, 10]
    scores = {r["step"]: r["validation"]["3"]["mel"] for r in rows(on_disk) if "validation" in r}
    best = checkpoint.load(run / "best.pt")
    assert scores[best["step"]] == min(scores.values()) == pytest.approx(best["best"])


def test_ctrl_c_ends_after_the_step_and_the_rest_is_the_same_run(
    tmp_path: Path, on_disk: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(on_disk, console=quiet)
    cut = with_run(on_disk, folder=str(tmp_path / "cut"))
    stop_after(5, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
    outcome = train(cut, console=quiet)
    assert (outcome.step, outcome.finished) == (6, False)
    note, session = rows(cut)[-2:]
    assert note == {"note": "stopped by hand after step 6"}
    assert session["session"]["steps"] == 6 and sum(session["session"]["time"].values()) > 0.99
    assert (cut.run.path / "export" / "model.safetensors").exists()
    monkeypatch.undo()
    said: list[str] = []
    assert train(cut, console=said.append).finished
    assert "resumed after step 6" in said
    one, two = weights(on_disk), weights(cut)
    assert all(torch.equal(one[name], two[name]) for name in one)
    bests = [checkpoint.load(r.run.path / "best.pt") for r in (on_disk, cut)]
    assert bests[0]["best"] == bests[1]["best"] and bests[0]["step"] == bests[1]["step"]


def test_a_crash_leaves_the_checkpoint_before_it(
    on_disk: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash() -> None:
        raise RuntimeError("out of memory")

    stop_after(6, monkeypatch, crash)
    with pytest.raises(RuntimeError, match="out of memory"):
        train(on_disk, console=quiet)
    assert checkpoint.load(on_disk.run.path / "last.pt")["step"] == 4
    assert not (on_disk.run.path / "export").exists()


def test_a_kill_in_the_middle_of_a_checkpoint_costs_the_steps_since_the_last_one(
    tmp_path: Path, on_disk: Recipe
) -> None:
    """SIGKILL, in another process, with half of the checkpoint of step 8 written."""
    train(on_disk, console=quiet)
    cut = with_run(on_disk, folder=str(tmp_path / "cut"))
    (tmp_path / "recipe.pickle").write_bytes(pickle.dumps(cut))
    worker = """
import os, pickle, signal, sys
from pathlib import Path
import torch
from audiocodec.training import trainer

save, saved = torch.save, []

def save_half(state, file):
    if state["step"] == 8:
        whole = open(Path(sys.argv[2]) / "last.pt", "rb").read()
        file.write(whole[: len(whole) // 2])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(state, file)

torch.save = save_half
trainer.train(pickle.loads(Path(sys.argv[1]).read_bytes()), console=lambda text: None)
"""
    arguments = [str(tmp_path / "recipe.pickle"), cut.run.folder]
    killed = subprocess.run([sys.executable, "-c", worker, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(cut.run.path.glob(".*.part")), "half of a checkpoint lies about"
    assert checkpoint.load(cut.run.path / "last.pt")["step"] == 4
    said: list[str] = []
    assert train(cut, console=said.append).finished
    assert "resumed after step 4" in said and not list(cut.run.path.glob(".*.part"))
    one, two = weights(on_disk), weights(cut)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_minutes_end_a_run_cleanly(on_disk: Recipe) -> None:
    outcome = train(with_run(on_disk, max_minutes=1e-9), console=quiet)
    assert (outcome.step, outcome.finished) == (0, False)
    assert not (on_disk.run.path / "last.pt").exists()


def test_a_finished_run_is_only_exported_again(on_disk: Recipe) -> None:
    train(on_disk, console=quiet)
    before = weights(on_disk)
    assert train(on_disk, console=quiet).finished
    assert all(torch.equal(t, before[name]) for name, t in weights(on_disk).items())


def test_broken_files_are_counted_and_named(tmp_path: Path, on_disk: Recipe) -> None:
    (tmp_path / "data" / "train" / "broken.wav").write_text("no sound at all")
    said: list[str] = []
    assert train(on_disk, console=said.append).finished
    assert any(text.startswith("left out: ") and "broken.wav" in text for text in said)
    assert any(text.endswith("min in 3 files, 1 left out") for text in said)


def test_a_folder_without_validation_trains_with_a_remark(tmp_path: Path, on_disk: Recipe) -> None:
    for path in (tmp_path / "data" / "dev").iterdir():
        path.unlink()
    (tmp_path / "data" / "dev").rmdir()
    said: list[str] = []
    train(on_disk, console=said.append)
    assert any(text.startswith("no validation: no sound files of split 'dev'") for text in said)
    assert not (on_disk.run.path / "best.pt").exists()


def test_a_step_that_is_not_finite_is_noted(
    on_disk: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(state: TrainState, wav: torch.Tensor, recipe: Recipe) -> StepResult:
        return train_step(state, wav * float("nan") if state.step == 3 else wav, recipe)

    monkeypatch.setattr(trainer, "train_step", poisoned)
    assert train(on_disk, console=quiet).finished
    notes = [row["note"] for row in rows(on_disk) if "note" in row]
    assert notes == ["step 4: gradient not finite, left out (1 so far)"]
    assert [row["step"] for row in rows(on_disk) if "spectral" in row] == [1, 2, 3, *range(5, 11)]
    assert all(v is not None for row in rows(on_disk) for v in row.values())


def test_the_checkpoint_of_another_model_is_refused(on_disk: Recipe) -> None:
    train(replace(on_disk, phases=on_disk.phases[:1]), console=quiet)
    other = replace(on_disk, model=replace(on_disk.model, levels=2))
    with pytest.raises(BadCheckpoint, match="last.pt: made with another model"):
        train(other, console=quiet)


def test_devices_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    with pytest.raises(AudioCodecError, match="'cuda' is not available here"):
        pick_device("cuda")
