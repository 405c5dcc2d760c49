"""Convolutions of a signal's ELU, written where the products take it from.

In the middle of a causal signal on a CPU, blocks of the signal go through unit and products one
after the other, so that what lies between stays in the cache. The arithmetic and its order are
those of the layers one by one, and so are the bits.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .elu import elu, write_elu
from .exact import COLUMNS, ROWS, wants_exact
from .packed import PackedConv1d, PackedConvTranspose1d, pays
from .products import add_tiled, multiply_arrays
from .push import PushConv1d
from .state import Carry, State
from .time_major import CONVOLUTION, FEW_TERMS, MANY_OUTPUTS, TRANSPOSED, pack

FloatArray = NDArray[np.float32]

BLOCK = 1 << 15
"""Elements of the input that go through all steps before the next ones."""


class EluConv1d(PushConv1d):
    """The unit and then a convolution; what is kept between pieces has the unit."""

    def arrive(self, before: Tensor, x: Tensor) -> Tensor:
        """Return the unit of a new piece behind what is kept of those before it."""
        return _elu_behind(before, x)


class PackedEluConv1d(PackedConv1d):
    """The same for wider ones, and for those with a stride."""

    def arrive(self, before: Tensor, x: Tensor) -> Tensor:
        """Return the unit of a new piece behind what is kept of those before it."""
        return _elu_behind(before, x)

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y of x [B, in, T] as far as it is complete, state after x)."""
        if last or not isinstance(state, Carry) or not self._fits(x, state.seen):
            return super().forward(x, state, last)
        out, channels, kernel = self.weight.shape
        pack(self.weight, CONVOLUTION)
        taps = self.weight.permute(CONVOLUTION).numpy()
        matrices = taps.reshape(kernel // self.stride, self.stride * channels, out)
        y = x.new_empty(x.shape[-1] // self.stride, out)
        assert self.bias is not None
        blocks = Blocks(
            offsets=range(0, kernel, self.stride),
            matrices=matrices,
            bias=self.bias.numpy(),
            rows_each=self.stride,
            left=self.left,
            kept=self.left + self.spare,
        )
        kept = blocks.run(x, state.columns, y.numpy())
        return y.mT[None], Carry(kept, state.seen + x.shape[-1])

    def _fits(self, x: Tensor, seen: int) -> bool:
        out, channels, kernel = self.weight.shape
        return (
            seen > self.left
            and seen % self.stride == 0
            and self.right == 0
            and self.dilation == 1
            and self.stride > 1
            and kernel % self.stride == 0
            and self.bias is not None
            and kernel * channels > FEW_TERMS
            and channels % COLUMNS == out % COLUMNS == 0
            and _is_block(x, self.stride * ROWS)
            and not pays(x, channels * self.stride, out)
        )


class PackedEluConvTranspose1d(PackedConvTranspose1d):
    """The unit and then a transposed convolution."""

    def arrive(self, before: Tensor, x: Tensor) -> Tensor:
        """Return the unit of a new piece behind what is kept of those before it."""
        return _elu_behind(before, x)

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y of x [B, in, T] as far as it is complete, state after x)."""
        if last or not isinstance(state, Carry) or not self._fits(x):
            return super().forward(x, state, last)
        channels, out, _ = self.weight.shape
        pack(self.weight, TRANSPOSED)
        taps = self.weight.permute(TRANSPOSED)
        taps = taps.reshape(self.past + 1, self.stride, channels, out).transpose(1, 2)
        y = x.new_empty(x.shape[-1], self.stride * out)
        assert self.bias is not None
        blocks = Blocks(
            offsets=range(self.past, -1, -1),
            matrices=taps.reshape(self.past + 1, channels, -1).numpy(),
            bias=np.tile(self.bias.numpy(), self.stride),
            rows_each=1,
            left=self.past,
            kept=self.past,
        )
        kept = blocks.run(x, state.columns, y.numpy())
        return y.view(-1, out).mT[None], Carry(kept, state.seen + x.shape[-1])

    def _fits(self, x: Tensor) -> bool:
        channels, out, _ = self.weight.shape
        return (
            self.left == 0
            and self.past > 0
            and self.bias is not None
            and out < MANY_OUTPUTS
            and self.stride * out % COLUMNS == 0
            and _is_block(x, ROWS)
            and not pays(x, channels, self.stride * out)
        )


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sums of products of a signal's ELU, block by block.

    Output row r is the bias plus the sum over n of the rows from rows_each r + offsets[n] on, so
    many as matrices[n] takes, side by side. left: rows that the first output needs of the past.
    kept: rows to be kept for the next piece.
    """

    offsets: range
    matrices: FloatArray
    bias: FloatArray
    rows_each: int
    left: int
    kept: int

    def run(self, x: Tensor, past: Tensor, y: FloatArray) -> Tensor:
        """Write the outputs for x [1, C, T] to y; return the columns to be kept.

        past: what was kept before.
        """
        rows = x[0].mT.contiguous().numpy()
        each, left, channels = self.rows_each, self.left, rows.shape[1]
        unit = each * ROWS
        step = max(BLOCK // channels, self.kept + unit) // unit * unit
        activated = np.empty((left + step, channels), np.float32)
        activated[:left] = past[0].mT.numpy()[past.shape[-1] - left :]
        spare = np.empty((step // each, y.shape[1]), np.float32)
        tile = np.tile(self.bias, 4)
        for begin in range(0, len(rows), step):
            part = rows[begin : begin + step]
            fresh = activated[left : left + len(part)]
            write_elu(part, fresh, fresh)
            out = y[begin // each : (begin + len(part)) // each]
            for n, matrix in enumerate(self.matrices):
                taken = activated[self.offsets[n] : self.offsets[n] + len(part)]
                taken = taken.reshape(len(out), each * channels)
                if n == 0:
                    multiply_arrays(taken, matrix, out)
                else:
                    out += multiply_arrays(taken, matrix, spare[: len(out)])
            add_tiled(out, tile)
            end = left + len(part)
            kept = activated[end - self.kept : end].copy()
            activated[:left] = kept[len(kept) - left :]
        return torch.from_numpy(kept).mT[None]


def _is_block(x: Tensor, unit: int) -> bool:
    """Tell whether x [B, C, T] is one row of whole units of columns, for exact products."""
    one = len(x) == 1 and x.shape[-1] > 0 and x.shape[-1] % unit == 0
    return one and wants_exact(x) and x.dtype == torch.float32


def _elu_behind(before: Tensor, x: Tensor) -> Tensor:
    """Return [B, C, n + T]: before [B, C, n], and the ELU of x [B, C, T], column by column."""
    if not wants_exact(x):
        return torch.cat([before, functional.elu(x)], dim=-1)
    count = before.shape[-1]
    both = x.new_empty(len(x), count + x.shape[-1], x.shape[1])
    both[:, :count] = before.mT
    elu(x.mT, out=both[:, count:])
    return both.mT
