"""What training exports is a model that `audiocodec.load` reads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from audiocodec.training import checkpoint
from audiocodec.training.config import Recipe
from audiocodec.training.export import export, export_checkpoint
from audiocodec.training.state import TrainState
from audiocodec.training.step import train_step

import audiocodec

MakeState = Callable[[Recipe], TrainState]


def trained(recipe: Recipe, make_state: MakeState) -> TrainState:
    state = make_state(recipe)
    for _ in range(5):
        train_step(state, state.crops.draw(torch.device("cpu")), recipe)
    return state


def test_an_export_makes_codes_and_sound(
    tmp_path: Path, recipe: Recipe, make_state: MakeState
) -> None:
    state = trained(recipe, make_state)
    export(state.network, tmp_path / "export", recipe=recipe, step=state.step)
    codec = audiocodec.load(tmp_path / "export")
    assert codec.spec == recipe.model.spec and codec.identity is not None
    assert codec.identity.name == "tiny"
    wav = 0.3 * np.sin(np.arange(1000) / 4).astype(np.float32)
    codes = codec.encode(wav, 8000)
    assert codes.indices.shape[-2:] == (3, 32) and len(np.unique(codes.indices)) > 1
    assert codec.decode(codes).shape == (1000,)


def test_a_checkpoint_is_exported_without_data(
    tmp_path: Path, recipe: Recipe, make_state: MakeState
) -> None:
    recipe = replace(recipe, run=replace(recipe.run, folder=str(tmp_path)))
    state = trained(recipe, make_state)
    checkpoint.save(tmp_path / "best.pt", state.state_dict())
    folder = export_checkpoint(recipe, "best")
    export(state.network, tmp_path / "direct", recipe=recipe, step=state.step)
    assert folder == tmp_path / "export_best"
    for name in ("config.json", "model.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "direct" / name).read_bytes()


def test_exporting_what_is_not_there_or_another_model(
    tmp_path: Path, recipe: Recipe, make_state: MakeState
) -> None:
    recipe = replace(recipe, run=replace(recipe.run, folder=str(tmp_path)))
    with pytest.raises(checkpoint.BadCheckpoint, match="no such checkpoint"):
        export_checkpoint(recipe, "last")
    other = replace(recipe, model=replace(recipe.model, levels=2))
    checkpoint.save(tmp_path / "last.pt", make_state(other).state_dict())
    with pytest.raises(checkpoint.BadCheckpoint, match="made with another model"):
        export_checkpoint(recipe, "last")
