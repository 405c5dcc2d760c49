"""The exponential linear unit as a layer: x above 0, e^x - 1 below."""

import sys
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .exact import wants_exact
from .push import Pointwise

BLOCK = 1 << 15
"""Elements that go through all steps before the next ones: they stay in the cache."""


@cache
def _numpy_is_fast() -> bool:
    """Tell whether numpy has vector code for expm1 here; elsewhere it is slower than torch."""
    return sys.platform == "linux" and torch.backends.cpu.get_cpu_capability() == "AVX512"


def elu(x: Tensor, *, in_place: bool = False) -> Tensor:
    """Return the ELU of x [B, C, T], in the place of x if wanted.

    On a CPU with AVX-512 the exponential is numpy's: within 2 units in the last place like
    torch's, in a third of the time, and with the same bits wherever an element lies.
    """
    if not wants_exact(x) or x.dtype != torch.float32:
        return functional.elu(x, inplace=in_place)
    y = x if in_place else torch.empty_like(x)
    # In the order in which the elements lie in memory, for blocks of them.
    order = sorted(range(x.ndim), key=x.stride, reverse=True)
    source, target = x.permute(order), y.permute(order)
    if source.is_contiguous() and target.is_contiguous():
        source, target = source.flatten(), target.flatten()
    for a, b in zip(torch.split(source, BLOCK), torch.split(target, BLOCK), strict=True):
        below = a.clamp(max=0)
        if _numpy_is_fast():
            array = below.numpy()
            np.expm1(array, out=array)
        else:
            below.expm1_()
        # e^x - 1 is over x below 0, and 0 here above.
        torch.maximum(a, below, out=b)
    return y


class Elu(Pointwise):
    """The exponential linear unit; in_place: whoever made the input does not need it again."""

    def __init__(self, *, in_place: bool = False) -> None:
        super().__init__()
        self.in_place = in_place

    def compute(self, x: Tensor) -> Tensor:
        """Return y for x."""
        return elu(x, in_place=self.in_place and wants_exact(x))
