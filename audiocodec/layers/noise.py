"""Noise in proportion to a signal, drawn by position: the same for every chunking and batch.

Source: SNAC (arXiv 2410.14411), section 2.2.
"""

import numpy as np
import torch
from torch import Tensor

from .packed import PackedConv1d
from .push import PushLayer
from .state import Carry, State

_BLOCK = 1024


def noise_at(stream: int, begin: int, count: int) -> Tensor:
    """Return normal noise [count] at positions from `begin` on in one of many endless streams.

    It is numpy's Philox generator, keyed by the stream and counted by blocks of _BLOCK positions,
    so any stretch can be drawn by itself.
    """
    first, end = begin // _BLOCK, -(-(begin + count) // _BLOCK)
    blocks = [
        np.random.Generator(
            np.random.Philox(key=stream, counter=[0, number, 0, 0])
        ).standard_normal(_BLOCK, dtype=np.float32)
        for number in range(first, end)
    ]
    offset = begin - first * _BLOCK
    noise = np.concatenate([np.zeros(0, np.float32), *blocks])
    return torch.from_numpy(noise[offset : offset + count])


class Noise(PushLayer):
    """x + noise linear(x): one stream of noise for all channels, rows and runs."""

    def __init__(self, channels: int, *, stream: int) -> None:
        super().__init__()
        self.stream = stream
        self.linear = PackedConv1d(channels, channels, kernel=1, bias=False)

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return seen

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y for all of x [B, C, T], state after x)."""
        seen = state.seen if isinstance(state, Carry) else 0
        noise = noise_at(self.stream, seen, x.shape[-1]).to(x)
        y = torch.addcmul(x, self.linear.convolve(x), noise)
        return y, Carry(x.new_empty(0), seen + x.shape[-1])
