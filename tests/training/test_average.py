"""The average of weights: what is validated and exported, and not what is trained."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from audiocodec.training import checkpoint
from audiocodec.training.average import WeightAverage
from audiocodec.training.config import Recipe
from audiocodec.training.export import export_checkpoint
from audiocodec.training.state import TrainState
from audiocodec.training.step import train_step

from audiocodec.folder import load_folder

MakeState = Callable[[Recipe], TrainState]


def averaged(recipe: Recipe, decay: float = 0.9) -> Recipe:
    return replace(recipe, optim=replace(recipe.optim, weight_ema=decay))


def run(state: TrainState, recipe: Recipe, steps: int) -> None:
    for _ in range(steps):
        train_step(state, state.crops.draw(torch.device("cpu")), recipe)


def first_weight(network: torch.nn.Module) -> torch.Tensor:
    return next(network.parameters()).detach().clone()


def test_the_average_follows_the_weights_step_by_step(
    recipe: Recipe, make_state: MakeState
) -> None:
    recipe = averaged(recipe, 0.5)
    state = make_state(recipe)
    expected = first_weight(state.network)
    for step in range(10):
        run(state, recipe, 1)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * first_weight(state.network)
        assert torch.allclose(first_weight(state.product), expected, atol=1e-6)
    assert not torch.allclose(first_weight(state.network), expected, atol=1e-6)
    assert not any(p.requires_grad for p in state.product.parameters())


def test_a_revived_vector_is_averaged_without_its_former_place(
    recipe: Recipe, make_state: MakeState
) -> None:
    state = make_state(recipe)
    run(state, recipe, 6)
    uses, sums = state.quantizer.uses, state.quantizer.sums
    uses[0, 0], sums[0, 0] = 1e-4, torch.full((4,), 0.5)  # at 5000, of no use
    average = WeightAverage(state.network, state.quantizer, decay=0.9)
    uses[0, 0], sums[0, 0] = 10.0, torch.full((4,), 20.0)  # revived at 2
    average.update(state.network, state.quantizer)
    word = average.settled().quantizer.codebooks[0, 0]
    assert torch.allclose(word, torch.full((4,), 2.0), atol=0.1)


def test_resumed_averages_are_the_same(
    tmp_path: Path, recipe: Recipe, make_state: MakeState
) -> None:
    recipe = averaged(recipe)
    whole, cut = make_state(recipe), make_state(recipe)
    run(whole, recipe, 8)
    run(cut, recipe, 5)
    checkpoint.save(tmp_path / "last.pt", cut.state_dict())
    resumed = make_state(recipe)
    resumed.load_state_dict(checkpoint.load(tmp_path / "last.pt"))
    run(resumed, recipe, 3)
    one, two = whole.product.state_dict(), resumed.product.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_checkpoint_without_an_average_begins_one_at_its_weights(
    recipe: Recipe, make_state: MakeState
) -> None:
    plain = make_state(recipe)
    run(plain, recipe, 6)
    state = make_state(averaged(recipe))
    state.load_state_dict(plain.state_dict())
    one, two = plain.network.state_dict(), state.product.state_dict()
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)
    other = make_state(recipe)
    other.load_state_dict(state.state_dict())
    assert other.average is None, "a recipe without it drops the average"


def test_the_average_is_what_is_exported(
    tmp_path: Path, recipe: Recipe, make_state: MakeState
) -> None:
    recipe = replace(averaged(recipe), run=replace(recipe.run, folder=str(tmp_path)))
    state = make_state(recipe)
    run(state, recipe, 7)
    checkpoint.save(tmp_path / "last.pt", state.state_dict())
    found = first_weight(load_folder(export_checkpoint(recipe, "last")).network)
    assert torch.equal(found, first_weight(state.product).half().float())
    plain = replace(recipe, optim=replace(recipe.optim, weight_ema=0.0))
    found = first_weight(load_folder(export_checkpoint(plain, "last")).network)
    assert torch.equal(found, first_weight(state.network).half().float())
    assert not torch.equal(found, first_weight(state.product).half().float())


def test_an_average_that_never_moves_is_refused(recipe: Recipe) -> None:
    with pytest.raises(ValueError, match="weight_ema"):
        averaged(recipe, 1.0)
