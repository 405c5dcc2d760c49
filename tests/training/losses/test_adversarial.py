"""Hinge and feature losses against sums done by hand (SoundStream, equations 1 to 3)."""

import pytest
import torch
from audiocodec.training.losses.adversarial import feature_loss, fool_loss, judge_loss


def test_judge_loss_is_the_hinge_averaged_over_time_and_judges() -> None:
    real = [torch.tensor([[2.0, 0.5]]), torch.tensor([[-1.0]])]
    fake = [torch.tensor([[-3.0, 0.0]]), torch.tensor([[1.0]])]
    # First judge: (0 + 0.5) / 2 + (0 + 1) / 2 = 0.75; second: 2 + 2 = 4.
    assert float(judge_loss(real, fake)) == pytest.approx((0.75 + 4) / 2)


def test_perfect_judges_have_no_loss_and_undecided_ones_two() -> None:
    assert float(judge_loss([torch.ones(1, 3)], [-torch.ones(1, 3)])) == 0
    assert float(judge_loss([torch.zeros(1, 3)], [torch.zeros(1, 3)])) == 2


def test_fool_loss_is_the_hinge_of_the_fakes() -> None:
    logits = [torch.tensor([[2.0, 0.0]]), torch.tensor([[-2.0]])]
    assert float(fool_loss(logits)) == pytest.approx((0.5 + 3) / 2)


def test_feature_loss_is_the_mean_distance_over_maps_and_judges() -> None:
    real = [[torch.zeros(1, 2, 2), torch.ones(1, 4)], [torch.tensor([[5.0]])]]
    fake = [[torch.ones(1, 2, 2), torch.full((1, 4), 3.0)], [torch.tensor([[1.0]])]]
    assert float(feature_loss(real, fake)) == pytest.approx(((1 + 2) / 2 + 4) / 2)
    assert float(feature_loss(real, real)) == 0


def test_judges_in_bfloat16_are_averaged_in_float32() -> None:
    logits = [torch.full((1, 4096), 0.001, dtype=torch.bfloat16)]
    assert fool_loss(logits).dtype == torch.float32
    assert float(fool_loss(logits)) == pytest.approx(0.999, abs=1e-4)
