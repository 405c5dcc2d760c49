"""One step: what is updated, by which losses, and what a broken step leaves alone."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from audiocodec.training.config import Phase, Recipe
from audiocodec.training.generate import align, weigh
from audiocodec.training.state import TrainState
from audiocodec.training.step import train_step
from torch import Tensor

CPU = torch.device("cpu")
MakeState = Callable[[Recipe], TrainState]
ALWAYS = {"spectral", "reconstruction", "commitment"}


def everything(state: TrainState) -> dict[str, Tensor]:
    """Return a copy of every tensor that a step may move."""
    tensors = {
        **{f"network.{k}": t for k, t in state.network.state_dict().items()},
        **{f"judges.{k}": t for k, t in state.adversary.judges.state_dict().items()},
        **{k: t for k, t in state.quantizer.state_dict().items() if isinstance(t, Tensor)},
    }
    return {name: tensor.clone() for name, tensor in tensors.items()}


def moved(before: dict[str, Tensor], state: TrainState) -> set[str]:
    return {name for name, t in everything(state).items() if not torch.equal(t, before[name])}


def run(state: TrainState, recipe: Recipe, steps: int) -> None:
    for _ in range(steps):
        train_step(state, state.crops.draw(CPU), recipe)


def test_each_phase_has_its_losses_by_name(recipe: Recipe, make_state: MakeState) -> None:
    state = make_state(recipe)
    for step in range(recipe.steps):
        result = train_step(state, state.crops.draw(CPU), recipe)
        adversarial = {"adversarial", "feature", "discriminator"} if step >= 6 else set()
        assert set(result.losses) == ALWAYS | adversarial, step
        assert all(
            torch.isfinite(loss) and not loss.requires_grad for loss in result.losses.values()
        )
        assert result.fake.shape == (3, 1, 512) and not result.left_out
        assert result.norms["gradient_norm"] > 0 and result.norms["embedding_norm"] > 0
    assert (state.step, state.skipped) == (10, 0)


def test_each_phase_moves_its_parts(recipe: Recipe, make_state: MakeState) -> None:
    state = make_state(recipe)
    before = everything(state)
    run(state, recipe, 2)
    assert {name.split(".")[1] for name in moved(before, state)} == {"encoder", "decoder"}
    run(state, recipe, 4)
    assert state.quantizer.started and "network.quantizer.codebooks" in moved(before, state)
    assert not any(name.startswith("judges.") for name in moved(before, state))
    run(state, recipe, 2)
    assert any(name.startswith("judges.") for name in moved(before, state))


def test_losses_are_weighed_by_the_phase() -> None:
    phase = Phase(
        until=1, adversarial=2.0, feature=3.0, spectral=0.5, reconstruction=0.0, commitment=0.25
    )
    losses = {
        "spectral": torch.tensor(4.0),
        "reconstruction": torch.tensor(100.0),
        "commitment": torch.tensor(8.0),
        "adversarial": torch.tensor(1.0),
        "feature": torch.tensor(5.0),
    }
    assert float(weigh(losses, phase)) == 2 + 0 + 2 + 2 + 15


def test_the_learning_rate_warms_up(recipe: Recipe, make_state: MakeState) -> None:
    state = make_state(recipe)
    rates = []
    for _ in range(3):
        train_step(state, state.crops.draw(CPU), recipe)
        rates.append(state.optimizer.param_groups[0]["lr"])
    assert rates == [0.5e-3, 1e-3, 1e-3]


@pytest.mark.parametrize("at_step", [0, 3, 7])
def test_a_batch_that_is_not_finite_is_survived(
    recipe: Recipe, make_state: MakeState, at_step: int
) -> None:
    state = make_state(recipe)
    run(state, recipe, at_step)
    state.quantizer.forget()
    before = everything(state)
    wav = state.crops.draw(CPU)
    wav[1, 0, 17] = float("nan")
    result = train_step(state, wav, recipe)
    assert result.left_out and not torch.isfinite(result.norms["gradient_norm"])
    moments = [t for s in state.optimizer.state.values() for t in s.values()]
    assert all(torch.isfinite(t).all() for t in moments)
    assert moved(before, state) <= {"generator"}, "only which levels were drawn"
    assert (state.step, state.skipped) == (at_step + 1, 1)
    run(state, recipe, recipe.steps - at_step - 1)
    assert state.quantizer.started and state.skipped == 1
    assert all(torch.isfinite(t).all() for t in everything(state).values())


def test_silence_trains_without_harm(recipe: Recipe, make_state: MakeState) -> None:
    state = make_state(recipe)
    for _ in range(recipe.steps):
        train_step(state, torch.zeros(3, 1, 512), recipe)
    assert state.skipped == 0
    assert all(torch.isfinite(t).all() for t in everything(state).values())


def test_bfloat16_searches_codebooks_in_float32(
    recipe: Recipe, make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(recipe, run=replace(recipe.run, bf16=True))
    state = make_state(recipe)
    seen = []
    quantize = state.quantizer.quantize

    def spy(latents: Tensor, *draw: object, **first: int) -> object:
        seen.append(torch.is_autocast_enabled("cpu"))
        return quantize(latents, *draw, **first)

    monkeypatch.setattr(state.quantizer, "quantize", spy)
    run(state, recipe, recipe.steps)
    assert seen == [False] * 8
    assert all(torch.isfinite(t).all() for t in everything(state).values())


def test_inference_follows_every_step(recipe: Recipe, make_state: MakeState) -> None:
    state, wav = make_state(recipe), torch.randn(1, 1, 512)
    copied = []
    for _ in range(3):
        train_step(state, state.crops.draw(CPU), recipe)
        with torch.no_grad():
            heard, _ = state.network.encoder(wav)
            expected, _ = deepcopy(state.network).encoder(wav)
        copied.append(torch.equal(heard, expected))
    assert copied == [True] * 3, "layers prepared by an earlier step were used"


def test_a_network_that_is_late_is_compared_with_what_it_was_late_for() -> None:
    wav = torch.arange(10.0)[None, None]
    late = torch.cat([torch.zeros(1, 1, 3), wav[..., :7]], dim=-1)
    wanted, found = align(wav, late, 3)
    assert torch.equal(wanted, found) and wanted.shape == (1, 1, 7)
    assert all(torch.equal(x, wav) for x in align(wav, wav, 0))
