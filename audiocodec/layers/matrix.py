"""Products with a matrix that is kept packed, by oneDNN, which torch has on x86 CPUs.

torch's usual product packs a matrix anew every time, which for the few columns of a deep layer
takes longer than the product. oneDNN's product of a packed matrix took 10 to 50 % less time for
matrices from 192 x 192 on, and adds its bias and another operand on the way. Measured for 15
sizes, 60 numbers of rows from 2 to 1300, and 1 to 4 threads, its bits depend on neither rows nor
threads; only a single row may be added up in another order, so rows come in multiples of 4, as in
layers/exact.py. The packed copy takes as much memory as the weight.

The operators are those that torch.compile calls for layers of frozen weights.
"""

import platform
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .exact import wants_exact

ROWS_HINT = 256
"""So many rows are what a matrix is packed for."""
_LARGE = 192 * 192


@cache
def can_pack() -> bool:
    """Tell whether this torch has the products."""
    x86 = platform.machine().lower() in {"x86_64", "amd64"}
    there = hasattr(torch.ops, "mkldnn") and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    if not (x86 and there):
        return False
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def is_large(inputs: int, outputs: int) -> bool:
    """Tell whether a matrix with so many inputs and outputs is worth packing."""
    return inputs * outputs >= _LARGE


def pays(x: Tensor, inputs: int, outputs: int) -> bool:
    """Tell whether to multiply x by a packed matrix with so many inputs and outputs."""
    fits = x.dtype == torch.float32 and is_large(inputs, outputs)
    return fits and wants_exact(x) and can_pack()


class Packed:
    """A matrix [O, I] and perhaps a bias [O], packed."""

    def __init__(self, matrix: Tensor, bias: Tensor | None = None) -> None:
        with torch.inference_mode():
            self.matrix = torch.ops.mkldnn._reorder_linear_weight(matrix.contiguous(), ROWS_HINT)
        self.bias = bias

    def multiply(self, rows: Tensor, onto: Tensor | None = None) -> Tensor:
        """Return onto + bias + rows [T, I] @ matrix.T, as [T, O]; T is at least 2."""
        operator = torch.ops.mkldnn._linear_pointwise
        if onto is None:
            y: Tensor = operator(rows, self.matrix, self.bias, "none", [], "")
        else:
            y = operator.binary(rows, onto, self.matrix, self.bias, "add")
        return y

    def multiply_array(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return bias + rows [T, I] @ matrix.T, as [T, O]; T is at least 2."""
        # The overload's own name: to find it again takes as long as a small product.
        operator = torch.ops.mkldnn._linear_pointwise.default
        y: Tensor = operator(torch.from_numpy(rows), self.matrix, self.bias, "none", [], "")
        product: NDArray[np.float32] = y.numpy()
        return product
