"""SEANet's residual unit, shortcut(x) + k1(ELU(k(ELU(x)))), block by block in the cache."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .elu import Nothing, write_elu
from .elu_conv import EluConv1d
from .exact import COLUMNS, ROWS, wants_exact
from .products import TERMS, add_tiled, multiply_arrays
from .push import PushChain, PushConv1d, PushResidual
from .state import Carry, State
from .time_major import CONVOLUTION, FEW_TERMS, pack

FloatArray = NDArray[np.float32]

BLOCK = 1 << 15
"""Elements of the input that go through all steps before the next ones."""


class SeanetUnit(PushResidual):
    """A residual unit whose convolutions keep the length; no shortcut: x itself.

    In the middle of a causal signal on a CPU, what lies between the layers never leaves the
    cache. The arithmetic and its order are those of the layers one by one, and so are the bits.
    """

    def __init__(
        self, wide: EluConv1d, narrow: EluConv1d, shortcut: PushConv1d | None = None
    ) -> None:
        super().__init__(PushChain([Nothing(), wide, Nothing(), narrow]), shortcut)
        self.convolutions = (wide, narrow)  # a tuple, so as not to be named twice
        out, channels, kernel = wide.weight.shape
        self.fitting = (
            wide.right == narrow.right == 0
            and channels <= TERMS
            and kernel * channels > FEW_TERMS
            and channels % COLUMNS == out % COLUMNS == 0
        )

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (what of y is complete, state after x)."""
        carry, wide, count = _carry(state), self.convolutions[0], x.shape[-1]
        fits = self.fitting and not last and len(x) == 1 and count and count % ROWS == 0
        if carry is None or not fits or not wants_exact(x) or x.dtype != torch.float32:
            return super().forward(x, state, last)
        rows = x[0].mT.contiguous()
        y = torch.empty_like(rows)
        past = carry.columns[0].mT.numpy()
        kept = self._run(rows.numpy(), past, y.numpy())
        seen = carry.seen + count
        after = Carry(torch.from_numpy(kept).mT[None], seen)
        none = Carry(x.new_empty(1, len(wide.weight), 0), seen)
        beside = None if self.shortcut is None else Carry(x[..., :0], seen)
        return y.mT[None], (((), after, (), none), beside, x[..., :0])

    def _run(self, rows: FloatArray, past: FloatArray, y: FloatArray) -> FloatArray:
        """Write the outputs for rows [T, C] to y; return what the wide convolution keeps.

        past: what it kept before; its last rows are those that the first outputs need.
        """
        (wide, narrow), left = self.convolutions, self.convolutions[0].left
        (taps, wide_bias), ((into,), bias) = _arrays(wide), _arrays(narrow)
        beside = _arrays(self.shortcut) if isinstance(self.shortcut, PushConv1d) else None
        channels, inside = taps[0].shape
        step = max(BLOCK // channels, left + ROWS) // ROWS * ROWS
        activated = np.empty((left + step, channels), np.float32)
        activated[:left] = past[len(past) - left :]
        hidden, spare = np.empty((2, step, inside), np.float32)
        besides = np.empty((step, channels), np.float32)
        for begin in range(0, len(rows), step):
            part, out = rows[begin : begin + step], y[begin : begin + step]
            count = len(part)
            fresh = activated[left : left + count]
            write_elu(part, fresh, fresh)
            h, more = hidden[:count], spare[:count]
            multiply_arrays(activated[:count], taps[0], h)
            for tap in range(1, len(taps)):
                at = tap * wide.dilation
                h += multiply_arrays(activated[at : at + count], taps[tap], more)
            add_tiled(h, wide_bias)
            write_elu(h, h, more)
            add_tiled(multiply_arrays(h, into, out), bias)
            if beside is not None:
                part = multiply_arrays(part, beside[0][0], besides[:count])
                add_tiled(part, beside[1])
            out += part
            kept = activated[count - wide.spare : count + left].copy()
            activated[:left] = kept[wide.spare :]
        return kept


def _arrays(conv: PushConv1d) -> tuple[FloatArray, FloatArray]:
    """Return the taps [k, C, O] of a convolution, and its bias four times."""
    pack(conv.weight, CONVOLUTION)
    taps: FloatArray = conv.weight.permute(CONVOLUTION).numpy()
    assert conv.bias is not None
    return taps, np.tile(conv.bias.numpy(), 4)


def _carry(state: State) -> Carry | None:
    """Return what the wide convolution keeps, in the middle of a signal."""
    if not isinstance(state, tuple) or not isinstance(state[0], tuple):
        return None
    carry, waiting = state[0][1], state[2]
    begun = isinstance(waiting, Tensor) and waiting.shape[-1] == 0
    return carry if begun and isinstance(carry, Carry) and carry.columns.shape[-1] else None
