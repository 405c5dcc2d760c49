"""A level's network begins with what the one below has learnt."""

import torch
from audiocodec.training.entropy.carry_over import carry_over
from audiocodec.training.entropy.fit import LevelModel, Shape, _Precisions
from audiocodec.training.entropy.levels import share_of

SHAPE = Shape(dim=6, hidden=10, out=8)


def fresh(vectors: torch.Tensor, seed: int) -> LevelModel:
    torch.manual_seed(seed)
    return LevelModel(SHAPE, vectors, torch.arange(len(vectors)), torch.ones(SHAPE.inputs))


def test_hidden_layers_are_taken_and_scores_follow_from_vectors() -> None:
    torch.manual_seed(0)
    low, high = torch.randn(400, 6) * 50, torch.randn(300, 6) * 20
    linear, squares = torch.randn(6, 8), 0.3 * torch.randn(6, 8)

    def law(vectors: torch.Tensor) -> torch.Tensor:
        units = (vectors / vectors.square().mean().sqrt()).clamp(-3, 3)
        return units @ linear + units.square() @ squares

    before, model = fresh(low, 1), fresh(high, 2)
    with torch.no_grad():
        before.scores.copy_(law(low))
        before.bias.copy_(before.prior + 0.7)
    carry_over(before, low, model, high)
    assert torch.equal(model.first.weight, before.first.weight)
    assert torch.equal(model.second.bias, before.second.bias)
    error = (model.scores - law(high)).square().mean() / law(high).square().mean()
    assert error < 0.01, "the vectors are others and smaller, the law is the same"
    assert (model.bias - model.prior - 0.7).abs().mean() < 0.02
    assert torch.isfinite(model.scores).all()


def test_vectors_of_nothing_do_no_harm() -> None:
    none = torch.zeros(30, 6)
    before, model = fresh(none, 1), fresh(none, 2)
    carry_over(before, none, model, none)
    assert torch.isfinite(model.scores).all() and torch.isfinite(model.bias).all()


def test_the_quicker_precision_is_found() -> None:
    for half_s, full_s in ((1.0, 2.0), (2.0, 1.0)):
        precisions, taken = _Precisions(), []
        for step in range(20):
            half = precisions.choose()
            taken.append(half)
            # The first step in either is slow, and one more by chance.
            precisions.took(half, 9.0 if step in (0, 1, 6) else half_s if half else full_s)
        assert set(taken[10:]) == {half_s < full_s}
        assert taken[:10].count(True) == 5


def test_low_levels_get_more_time() -> None:
    shares = [share_of(level) for level in range(16)]
    assert shares == sorted(shares, reverse=True) and shares[0] > 2 * shares[-1] > 0
    assert 15 < sum(shares) < 18
