"""Matrix products by the library that is quicker on this CPU, with bits that depend on nothing.

torch multiplies with MKL, numpy with OpenBLAS. On an AMD CPU with AVX-512, products of the shapes
of codecs took OpenBLAS 20 to 40 % less time. What was measured of its bits, for 15 x 7 sizes, 16
numbers of rows and 1 to 8 threads: they depend on neither threads nor rows nor where the operands
lie in memory, if there are two rows or more, the operands are not transposed, and a sum has 384
terms at most; with more, products of few rows add up in another order. So longer sums are cut
into parts of TERMS terms. (Of MKL's bits, see layers/exact.py.)
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

TERMS = 256
_BIAS_ELEMENTS = 1024


@cache
def numpy_is_quicker() -> bool:
    """Tell whether to multiply with numpy: on a CPU for which MKL was not made."""
    if sys.platform != "linux" or not torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return False
    try:
        with Path("/proc/cpuinfo").open() as file:
            return "AuthenticAMD" in file.read(4096)
    except OSError:
        return False


def multiply(x: Tensor, matrix: Tensor, onto: Tensor | None = None) -> Tensor:
    """Return x [T, K] @ matrix [K, O], added to `onto` [T, O] in place if that is given.

    T is a multiple of 4 and O one of 16; columns of both lie side by side in memory.
    """
    if not numpy_is_quicker() or x.dtype != torch.float32:
        return torch.mm(x, matrix) if onto is None else onto.addmm_(x, matrix)
    left, right = x.numpy(), matrix.numpy()
    spare = None
    for begin in range(0, len(right), TERMS):
        terms = slice(begin, begin + TERMS)
        if onto is None:
            onto = x.new_empty(len(x), matrix.shape[1])
            np.matmul(left[:, terms], right[terms], out=onto.numpy())
        else:
            spare = torch.empty(onto.shape) if spare is None else spare
            np.matmul(left[:, terms], right[terms], out=spare.numpy())
            onto += spare
    assert onto is not None
    return onto


def add_bias(y: Tensor, bias: Tensor | None) -> Tensor:
    """Add a bias [O] to every row of a contiguous y [T, O], in place; return y."""
    if bias is None:
        return y
    # Many rows at once: torch is slow for short ones.
    together = max(1, _BIAS_ELEMENTS // max(1, len(bias)))
    whole = len(y) // together * together
    y[:whole].view(-1, together * len(bias)).add_(bias.repeat(together))
    y[whole:] += bias
    return y
