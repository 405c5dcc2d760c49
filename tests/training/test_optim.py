"""Warm-up and schedules, and Adam on what it is given."""

import pytest
import torch
from audiocodec.training.config import OptimConfig
from audiocodec.training.optim import adam, lr_share, set_lr, take_step


def test_warm_up_is_linear_and_reaches_the_full_rate() -> None:
    config = OptimConfig(warmup_steps=4)
    assert [lr_share(step, config, 100) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_the_cosine_ends_at_its_share() -> None:
    config = OptimConfig(warmup_steps=10, schedule="cosine", final_lr_share=0.2)
    assert lr_share(10, config, 110) == 1.0
    assert lr_share(60, config, 110) == pytest.approx(0.6)
    assert lr_share(110, config, 110) == pytest.approx(0.2)
    assert lr_share(500, config, 110) == pytest.approx(0.2)


def test_no_warm_up_is_no_division_by_zero() -> None:
    assert lr_share(0, OptimConfig(warmup_steps=0), 10) == 1.0


def test_set_lr_reaches_every_group() -> None:
    optimizer = adam([torch.nn.Parameter(torch.zeros(2))], lr=1.0, betas=(0.5, 0.9))
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))]})
    set_lr(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.9)


def test_a_step_counts_as_a_change_of_the_weights() -> None:
    """Or validation would be of weights that layers have prepared before."""
    parameter = torch.nn.Parameter(torch.zeros(3))
    optimizer = adam([parameter], lr=0.1, betas=(0.9, 0.99))
    parameter.grad = torch.ones(3)
    before = parameter._version
    take_step(optimizer)
    assert parameter._version > before and (parameter != 0).all()
