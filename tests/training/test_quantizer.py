"""Training of codebooks: start, gradient, dropout, averages, revival."""

from typing import Any

import pytest
import torch
from audiocodec.training.config import QuantizerConfig
from audiocodec.training.quantizer import QuantizerTrainer
from torch import Tensor

from audiocodec.quantize.residual import ResidualQuantizer


def trainer(
    *, dim: int = 2, levels: int = 2, size: int = 4, groups: int = 1, **changes: Any
) -> QuantizerTrainer:
    quantizer = ResidualQuantizer(dim=dim, levels=levels, codebook_size=size, groups=groups)
    config = QuantizerConfig(**{"dropout": False, "kmeans_frames": 40, **changes})
    return QuantizerTrainer(quantizer, config, seed=0)


def started(**changes: Any) -> QuantizerTrainer:
    """Return a trainer whose first level is the corners of a square, its second all zeros."""
    one = trainer(**changes)
    corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    one.quantizer.codebooks[0] = corners
    one.quantizer.codebooks[1:] = 0
    one.uses += 10.0
    one.sums += one.quantizer.codebooks * 10
    one.started = True
    return one


def latents(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_kmeans_finds_clusters_and_then_what_they_leave() -> None:
    one = trainer(kmeans_frames=400, size=16)
    centres = torch.tensor([[3.0, 3.0], [3.0, -3.0], [-3.0, 3.0], [-3.0, -3.0]])
    x = (centres[torch.arange(400) % 4] + 0.1 * latents(400, 2)).T.reshape(1, 2, 400)
    one.quantize(x)
    assert one.started
    # More vectors than clusters, since a start at random may miss a cluster with as many.
    distances = torch.cdist(centres, one.quantizer.codebooks[0])
    assert (distances.amin(dim=1) < 0.15).all() and (distances.amin(dim=0) < 0.5).all()
    assert float(one.uses[0].sum()) == pytest.approx(400)
    errors = [
        float((x - one.quantizer.decode(one.quantizer.encode(x, k))).square().mean())
        for k in (1, 2)
    ]
    assert errors[0] < 0.01 and errors[1] < 0.5 * errors[0]


def test_latents_pass_untouched_until_enough_are_gathered() -> None:
    one = trainer(kmeans_frames=40)
    x = latents(1, 2, 25).requires_grad_()
    first = one.quantize(x)
    assert torch.equal(first.latents, x) and float(first.commitment) == 0 and not one.started
    one.update()
    assert (one.quantizer.codebooks == 0).all()
    assert one.quantize(latents(1, 2, 15)).commitment > 0
    assert one.started and one.start_pool == []


def test_fewer_latents_than_vectors_still_give_distinct_vectors() -> None:
    one = trainer(size=16, kmeans_frames=5)
    one.quantize(latents(1, 2, 5))
    assert len(one.quantizer.codebooks[0].unique(dim=0)) == 16


def test_latents_that_are_not_finite_do_not_start_the_codebooks() -> None:
    one = trainer(kmeans_frames=10)
    one.quantize(torch.full((1, 2, 20), float("nan")))
    assert not one.started and one.start_pool == []


def test_the_gradient_goes_straight_through_and_the_commitment_pulls() -> None:
    one = started(levels=1)
    x = torch.tensor([[[1.5, -0.5], [1.0, -1.0]]]).requires_grad_()  # columns (1.5, 1), (-.5, -1)
    result = one.quantize(x)
    expected = torch.tensor([[[1.0, -1.0], [1.0, -1.0]]])
    assert torch.allclose(result.latents, expected)
    weights = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    (result.latents * weights).sum().backward(retain_graph=True)
    assert x.grad is not None and torch.equal(x.grad, weights)
    x.grad.zero_()
    result.commitment.backward()
    # Mean of squares over four numbers: the slope is the difference over two.
    assert torch.allclose(x.grad, torch.tensor([[[0.25, 0.25], [0.0, 0.0]]]))
    assert float(result.commitment.detach()) == pytest.approx((0.25 + 0.25) / 4)


def test_the_commitment_is_summed_over_levels() -> None:
    one = started(levels=3)
    x = torch.tensor([[[1.5], [1.0]]])
    # Level 0 leaves (0.5, 0), and the zero vectors of the others leave it there.
    assert float(one.quantize(x).commitment) == pytest.approx(3 * 0.125)


def test_training_quantizes_like_inference() -> None:
    one = trainer(levels=4, size=8, dim=4, groups=2)
    x = latents(3, 4, 20)
    one.quantize(x)
    codes = one.quantizer.encode(x, 4)
    assert torch.allclose(one.quantize(x).latents, one.quantizer.decode(codes), atol=1e-6)


def test_dropout_gives_each_example_its_own_levels_uniformly() -> None:
    one = trainer(levels=4, dropout=True)
    counts = torch.bincount(one.draw_levels(8000), minlength=5)
    assert counts[0] == 0
    assert (counts[1:] / 8000 - 0.25).abs().max() < 0.02


def test_full_share_keeps_all_levels_of_some_examples() -> None:
    one = trainer(levels=4, dropout=True, full_share=0.5)
    share = float((one.draw_levels(8000) == 4).float().mean())
    assert share == pytest.approx(0.5 + 0.5 / 4, abs=0.02)
    assert (trainer(levels=4).draw_levels(50) == 4).all()


def test_dropped_levels_neither_sound_nor_count(monkeypatch: pytest.MonkeyPatch) -> None:
    one = trainer(levels=3, dropout=True)
    x = latents(3, 2, 20)
    one.quantize(x)
    one.forget()
    monkeypatch.setattr(one, "draw_levels", lambda batch: torch.tensor([1, 2, 3]))
    result = one.quantize(x).latents
    for example, levels in enumerate((1, 2, 3)):
        codes = one.quantizer.encode(x[example : example + 1], levels)
        assert torch.allclose(result[example], one.quantizer.decode(codes)[0], atol=1e-6)
    assert one.new_uses.sum(dim=1).tolist() == [60.0, 40.0, 20.0]


def test_codebooks_follow_the_average_of_their_columns() -> None:
    one = started(levels=1, ema_gamma=0.9, revive_below=0.0)
    one.quantize(torch.full((1, 2, 20), 2.0))  # all to the corner (1, 1), twenty of them
    one.update()
    # Uses 0.9 * 10 + 0.1 * 20 = 11, sum 0.9 * 10 + 0.1 * 40 = 13.
    assert one.quantizer.codebooks[0, 0].tolist() == pytest.approx([13 / 11, 13 / 11])
    assert one.uses[0].tolist() == pytest.approx([11, 9, 9, 9])
    assert torch.allclose(one.quantizer.codebooks[0, 3], torch.tensor([-1.0, -1.0]))


def test_updates_are_gathered_over_several_steps() -> None:
    halves, whole = started(update_every=2), started(update_every=1)
    x = latents(2, 2, 30)
    halves.quantize(x[:1])
    halves.update()
    assert torch.equal(halves.quantizer.codebooks, started().quantizer.codebooks)
    halves.quantize(x[1:])
    halves.update()
    whole.quantize(x)
    whole.update()
    assert torch.allclose(halves.quantizer.codebooks, whole.quantizer.codebooks, atol=1e-6)
    assert torch.allclose(halves.uses, whole.uses) and halves.gathered == 0


def test_forgetting_leaves_no_trace_of_a_step() -> None:
    one = started(update_every=1)
    before = one.quantizer.codebooks.clone()
    one.quantize(torch.full((1, 2, 5), float("nan")))
    one.forget()
    assert torch.isfinite(one.new_sums).all() and float(one.new_uses.sum()) == 0
    assert not one.filled.any() and (one.pool == 0).all()
    assert torch.equal(one.quantizer.codebooks, before)


def test_revived_vectors_survive_the_next_updates() -> None:
    """The defect that others had: old averages put a revived vector back where it was."""
    one = started(levels=1, revive_below=2.0, ema_gamma=0.5)
    one.quantizer.codebooks[0, 3] = torch.tensor([500.0, 500.0])
    one.uses[0, 3], one.sums[0, 3] = 0.1, torch.tensor([50.0, 50.0])
    x = torch.tensor([1.0, -1.0])[None, :, None] * (1 + 0.01 * latents(1, 1, 30))
    one.quantize(x)
    one.update()
    revived = one.quantizer.codebooks[0, 3].clone()
    assert torch.cdist(revived[None], x[0].T).min() < 1e-5, "revived to an input of the batch"
    assert float(one.uses[0, 3]) >= 2.0
    one.quantize(latents(1, 2, 3))
    one.update()
    assert torch.dist(one.quantizer.codebooks[0, 3], revived) < 1.0


def test_the_bar_of_revival_follows_little_traffic() -> None:
    """With six inputs for four vectors all have few uses; none of them is dead."""
    one = started(levels=1, revive_below=2.0, ema_gamma=0.5)
    one.uses[0] = torch.tensor([1.5, 1.5, 1.0, 1.5])
    one.sums[0] = one.quantizer.codebooks[0] * one.uses[0][:, None]
    corners = one.quantizer.codebooks[0].clone()
    x = torch.cat([corners, corners[:2]]).T[None]
    one.quantize(x)
    one.update()
    assert torch.allclose(one.quantizer.codebooks[0], corners, atol=1e-5)


def test_diversity_and_dead_say_how_vectors_are_used() -> None:
    one = started()
    one.uses = torch.tensor([[5.0, 5.0, 5.0, 5.0], [20.0, 0.0, 0.0, 0.0]])
    assert one.diversity().tolist() == pytest.approx([1.0, 0.0], abs=1e-6)
    assert one.dead().tolist() == [0.0, 0.75]


def test_the_state_is_all_there_is() -> None:
    one, other = (trainer(dropout=True, update_every=2, size=8) for _ in range(2))
    one.quantize(latents(2, 2, 30))
    one.update()
    other.load_state_dict(one.state_dict())
    other.quantizer.load_state_dict(one.quantizer.state_dict())
    for step in range(4):
        x = latents(2, 2, 30, seed=step)
        assert torch.equal(one.quantize(x).latents, other.quantize(x).latents)
        one.update()
        other.update()
    assert torch.equal(one.quantizer.codebooks, other.quantizer.codebooks)


def test_a_state_is_copied_and_left_whole() -> None:
    one, other = started(), started()
    state = one.state_dict()
    keys = set(state)
    other.load_state_dict(state)
    assert set(state) == keys
    other.uses += 1
    assert not torch.equal(one.uses, other.uses)
