"""Hinge losses and feature matching (SoundStream, equations 1 to 3)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def judge_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Return the discriminators' hinge loss, averaged over time and discriminators."""
    losses = [
        functional.relu(1 - r.float()).mean() + functional.relu(1 + f.float()).mean()
        for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).mean()


def fool_loss(fake: Sequence[Tensor]) -> Tensor:
    """Return the generator's hinge loss, averaged over time and discriminators."""
    return torch.stack([functional.relu(1 - f.float()).mean() for f in fake]).mean()


def feature_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """Return the L1 distance of the discriminators' maps, averaged over maps and judges."""
    losses = []
    for real_maps, fake_maps in zip(real, fake, strict=True):
        maps = [
            (r.float() - f.float()).abs().mean() for r, f in zip(real_maps, fake_maps, strict=True)
        ]
        losses.append(torch.stack(maps).mean())
    return torch.stack(losses).mean()
