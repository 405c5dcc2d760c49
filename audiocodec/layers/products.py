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
from numpy.typing import NDArray
from torch import Tensor

FloatArray = NDArray[np.float32]

TERMS = 256


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
    if x.dtype != torch.float32:
        return torch.mm(x, matrix) if onto is None else onto.addmm_(x, matrix)
    left, right = x.numpy(), matrix.numpy()
    if onto is None:
        onto = x.new_empty(len(x), matrix.shape[1])
        multiply_arrays(left, right, onto.numpy())
    else:
        spare = np.empty(onto.shape, np.float32)
        onto += torch.from_numpy(multiply_arrays(left, right, spare))
    return onto


def multiply_arrays(x: FloatArray, matrix: FloatArray, out: FloatArray) -> FloatArray:
    """Write x [T, K] @ matrix [K, O] to `out`, with the bits of `multiply`, and return it."""
    if not numpy_is_quicker():
        torch.mm(torch.from_numpy(x), torch.from_numpy(matrix), out=torch.from_numpy(out))
        return out
    np.matmul(x[:, :TERMS], matrix[:TERMS], out=out)
    if len(matrix) > TERMS:
        spare = np.empty_like(out)
        for begin in range(TERMS, len(matrix), TERMS):
            terms = slice(begin, begin + TERMS)
            out += np.matmul(x[:, terms], matrix[terms], out=spare)
    return out


def add_bias(y: Tensor, bias: Tensor | None) -> Tensor:
    """Add a bias [O] to every row of a contiguous y [T, O], in place; T is a multiple of 4."""
    if bias is None:
        return y
    if y.dtype != torch.float32:
        return y.add_(bias)
    add_tiled(y.numpy(), np.tile(bias.numpy(), 4))
    return y


def add_tiled(rows: FloatArray, tile: FloatArray) -> None:
    """Add a bias to every row of a contiguous rows [T, O]; tile: the bias, four times.

    Short rows are slow, so four at a time.
    """
    four = rows.reshape(-1, len(tile))
    four += tile
