"""Snake, x + sin^2(alpha x) / alpha, with an alpha for every channel (arXiv 2006.08195)."""

import numpy as np
import torch
from torch import Tensor, nn

from .exact import wants_exact
from .push import Pointwise

EPSILON = 1e-9
"""Keeps the division finite, as in DAC's and SNAC's own code."""
_BLOCK = 1 << 16
"""Elements that go through all steps before the next ones: they stay in the cache."""


def snake(rows: Tensor, alpha: Tensor, out: Tensor | None = None) -> Tensor:
    """Return Snake of rows [T, C] for alpha [C], in `out` if given, which may be the rows.

    On a CPU the sine is numpy's: within 1.5 units in the last place like torch's, in half the
    time, and with the same bits for every length and stride.
    """
    scale = (alpha + EPSILON).reciprocal()
    y = torch.empty_like(rows) if out is None else out
    step = max(1, _BLOCK // len(alpha))
    squares = rows.new_empty(min(step, len(rows)), len(alpha))
    array = squares.numpy()
    for begin in range(0, len(rows), step):
        part = rows[begin : begin + step]
        if len(part) < len(squares):
            squares, array = squares[: len(part)], array[: len(part)]
        torch.mul(part, alpha, out=squares)
        np.sin(array, out=array)
        np.square(array, out=array)
        torch.addcmul(part, squares, scale, out=y[begin : begin + step])
    return y


class Snake(Pointwise):
    """Snake with a learned alpha [1, C, 1]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def compute(self, x: Tensor) -> Tensor:
        """Return y for x [B, C, T]."""
        if not wants_exact(x) or x.dtype != torch.float32:
            return x + (self.alpha + EPSILON).reciprocal() * torch.sin(self.alpha * x).square()
        y = x.new_empty(len(x), x.shape[-1], x.shape[1])
        self.write(x.mT, y)
        return y.mT

    def write(self, x: Tensor, out: Tensor) -> None:
        """Put Snake of x [B, T, C] into out, which may be x."""
        if not wants_exact(x) or x.dtype != torch.float32:
            out.copy_(self.compute(x.mT).mT)
            return
        for row, into in zip(x, out, strict=True):
            snake(row, self.alpha[0, :, 0], into)


class Tanh(Pointwise):
    """The hyperbolic tangent."""

    def compute(self, x: Tensor) -> Tensor:
        """Return y for x."""
        # Contiguous, because torch computes other shapes by scalar code with other bits.
        return torch.tanh(x.contiguous())
