"""Snake, x + sin^2(alpha x) / alpha, with an alpha for every channel (arXiv 2006.08195)."""

import numpy as np
import torch
from torch import Tensor, nn

from .exact import wants_exact
from .push import Pointwise

EPSILON = 1e-9
"""Keeps the division finite, as in DAC's and SNAC's own code."""
BLOCK = 1 << 17
"""Elements that go through all steps before the next ones: they stay in the cache."""


def snake(x: Tensor, alpha: Tensor, out: Tensor | None = None) -> Tensor:
    """Return Snake of x [B, C, T] for alpha [1, C, 1], in `out` if given, which may be x.

    On a CPU the sine is numpy's: within 1.5 units in the last place like torch's, in half the
    time, and with the same bits for every length and stride.
    """
    scale = (alpha + EPSILON).reciprocal()
    if not wants_exact(x) or x.dtype != torch.float32:
        return x + scale * torch.sin(alpha * x).square()
    y = torch.empty(x.shape, dtype=x.dtype) if out is None else out
    step = max(16, BLOCK // max(1, x.shape[0] * x.shape[1]))
    for begin in range(0, x.shape[-1], step):
        part = x[..., begin : begin + step]
        squares = alpha * part
        array = squares.numpy()
        np.sin(array, out=array)
        squares.square_()
        torch.addcmul(part, squares, scale, out=y[..., begin : begin + step])
    return y


class Snake(Pointwise):
    """Snake with a learned alpha [1, C, 1]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def compute(self, x: Tensor) -> Tensor:
        """Return y for x [B, C, T]."""
        return snake(x, self.alpha)


class Tanh(Pointwise):
    """The hyperbolic tangent."""

    def compute(self, x: Tensor) -> Tensor:
        """Return y for x."""
        if not wants_exact(x):
            return torch.tanh(x)
        # Contiguous, because torch computes other shapes by scalar code with other bits.
        return torch.tanh(x.contiguous())
