"""Optimizers and the learning-rate schedule."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from .config import OptimConfig


def adam(
    parameters: Iterable[nn.Parameter], *, lr: float, betas: tuple[float, ...]
) -> torch.optim.Adam:
    """Return Adam over the parameters, fused where the device can."""
    listed = list(parameters)
    fused = all(p.is_floating_point() and p.device.type in {"cpu", "cuda"} for p in listed)
    return torch.optim.Adam(listed, lr=lr, betas=(betas[0], betas[1]), fused=fused)


def take_step(optimizer: torch.optim.Optimizer) -> None:
    """Move the parameters, and tell torch that they have moved.

    Fused Adam does not count its changes as changes of the tensors' version, by which layers know
    whether what they have prepared of their weights for inference still holds.
    """
    optimizer.step()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            torch.autograd.graph.increment_version(parameter)


def lr_share(step: int, config: OptimConfig, steps: int) -> float:
    """Return the share of the full learning rate at a step: linear warm-up, then the schedule."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return config.final_lr_share + (1 - config.final_lr_share) * cosine


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every group of the optimizer this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr
