"""Loss balancing: weights are shares of the gradient, whatever the losses' sizes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from audiocodec.training import checkpoint
from audiocodec.training.balancer import Balancer
from audiocodec.training.config import Recipe
from audiocodec.training.state import TrainState
from audiocodec.training.step import train_step

MakeState = Callable[[Recipe], TrainState]


def test_each_loss_has_its_share_of_the_gradient() -> None:
    output = torch.randn(4, 1, 50, requires_grad=True)
    directions = torch.randn(2, 4, 1, 50)
    losses = {
        "small": 1e-3 * (directions[0] * output).sum(),
        "large": 1e4 * (directions[1] * output).sum(),
    }
    balancer = Balancer(decay=0.9, norm=2.0)
    found = balancer.gradient(losses, {"small": 3.0, "large": 1.0}, output)
    norms = directions.flatten(2).norm(dim=2).mean(dim=1)
    expected = 2.0 * (0.75 * directions[0] / norms[0] + 0.25 * directions[1] / norms[1])
    assert torch.allclose(found, expected, atol=1e-5)


def test_norms_are_averaged_over_steps_and_broken_ones_forgotten() -> None:
    balancer = Balancer(decay=0.5, norm=1.0)
    output = torch.zeros(1, 1, 4, requires_grad=True)
    gradients = []
    for slope in (1.0, float("nan"), 3.0):
        found = balancer.gradient({"a": slope * output.sum()}, {"a": 1.0}, output)
        gradients.append(float(found[0, 0, 0]))
    # Norms are twice the slopes: 2, then (0.5 * 2 + 6) / 1.5.
    assert gradients[0] == pytest.approx(0.5)
    assert gradients[1] != gradients[1]
    assert gradients[2] == pytest.approx(3 / (7 / 1.5))


def test_a_loss_without_weight_costs_nothing() -> None:
    output = torch.zeros(1, 1, 4, requires_grad=True)
    unreachable = torch.tensor(1.0)  # has no gradient: asking for it would raise
    losses = {"a": output.sum(), "b": unreachable}
    found = Balancer(decay=0.9, norm=1.0).gradient(losses, {"a": 1.0, "b": 0.0}, output)
    assert torch.allclose(found, torch.full_like(found, 0.5))


def test_a_balanced_run_learns_and_resumes_to_the_same(
    tmp_path: Path, recipe: Recipe, make_state: MakeState
) -> None:
    recipe = replace(recipe, optim=replace(recipe.optim, balance=True))
    cpu = torch.device("cpu")
    whole, cut = make_state(recipe), make_state(recipe)
    assert whole.balancer is not None
    for _ in range(9):
        train_step(whole, whole.crops.draw(cpu), recipe)
    for _ in range(7):
        train_step(cut, cut.crops.draw(cpu), recipe)
    assert set(whole.balancer.sums) == {"spectral", "reconstruction", "adversarial", "feature"}
    checkpoint.save(tmp_path / "last.pt", cut.state_dict())
    resumed = make_state(recipe)
    resumed.load_state_dict(checkpoint.load(tmp_path / "last.pt"))
    for _ in range(2):
        train_step(resumed, resumed.crops.draw(cpu), recipe)
    one, two = whole.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    plain = make_state(replace(recipe, optim=replace(recipe.optim, balance=False)))
    plain.load_state_dict(cut.state_dict())
    assert plain.balancer is None
