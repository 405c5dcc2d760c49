"""Causal layers on numpy arrays [T, C], a signal column by column, each by one packed matrix.

A piece of a few columns, as when a sound comes frame by frame, takes little longer than what is
called to compute it: numpy's calls cost a fraction of torch's, and all taps are one product, which
looks at every weight once. Layers by themselves add, multiply and compare, whose bits depend on
nothing; those of the products depend on no number of columns (layers/matrix.py). So pieces give
the bits of the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .exact import ROWS
from .matrix import Packed

FloatArray = NDArray[np.float32]
Past: TypeAlias = "FloatArray | tuple[Past, ...] | None"
"""What is left of earlier pieces: rows of an array, or one such of every layer; None: silence."""


class RowLayer(Protocol):
    """What maps x [T, C] to [T', C'] and carries a past."""

    def run(self, x: FloatArray, past: Past) -> tuple[FloatArray, Past]:
        """Return (y, the past after x)."""
        ...


@dataclass(frozen=True, slots=True)
class RowConv1d:
    """A convolution: a matrix [O, kernel C], the first tap first.

    A stride is folded into the channels where it divides the kernel: see `of`.
    """

    matrix: Packed
    kernel: int
    channels: int
    stride: int
    dilation: int

    @classmethod
    def of(
        cls, weight: Tensor, bias: Tensor | None, *, stride: int = 1, dilation: int = 1
    ) -> "RowConv1d":
        """Return that of a weight [O, C, kernel]."""
        out, channels, kernel = weight.shape
        matrix = Packed(weight.detach().permute(0, 2, 1).reshape(out, -1), bias)
        if dilation == 1 and kernel % stride == 0:
            return cls(matrix, kernel // stride, channels * stride, 1, 1)
        return cls(matrix, kernel, channels, stride, dilation)

    def run(self, x: FloatArray, past: Past) -> tuple[FloatArray, Past]:
        """Return (y [T / stride, O], the past after x)."""
        x = x.reshape(-1, self.channels)  # folded
        frames, count = len(x) // self.stride, (self.kernel - 1) * self.dilation + 1 - self.stride
        signal = x
        if count:
            before = np.zeros((count, self.channels), np.float32) if past is None else past
            assert isinstance(before, np.ndarray)
            signal = np.concatenate((before, x))
        taps = self._taps(signal, frames)
        y = self.matrix.multiply_array(taps)[:frames]
        return y, signal[len(signal) - count :] if count else None

    def _taps(self, signal: FloatArray, frames: int) -> FloatArray:
        """Return what the taps see, and rows of zeros up to a multiple of ROWS."""
        rows, width, stride = frames + -frames % ROWS, self.channels, self.stride
        if self.kernel == 1 and stride == 1 and rows == frames:
            return signal
        seen = np.empty((rows, self.kernel * width), np.float32)
        seen[frames:] = 0
        for tap in range(self.kernel):
            begin = tap * self.dilation
            end = begin + (frames - 1) * stride + 1
            seen[:frames, tap * width : (tap + 1) * width] = signal[begin:end:stride]
        return seen


@dataclass(frozen=True, slots=True)
class RowConvTranspose1d:
    """A transposed convolution: a convolution to all `stride` samples of a column."""

    columns: RowConv1d
    stride: int

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor | None, *, stride: int) -> "RowConvTranspose1d":
        """Return that of a weight [C, O, (m + 1) stride]."""
        channels, out, _ = weight.shape
        # Sample j of column t is the sum over i of weight[:, :, i stride + j] and x[t - i].
        taps = weight.detach().reshape(channels, out, -1, stride).flip(2)
        matrix = taps.permute(3, 1, 0, 2).reshape(stride * out, channels, -1)
        repeated = None if bias is None else bias.detach().repeat(stride)
        return cls(RowConv1d.of(matrix, repeated), stride)

    def run(self, x: FloatArray, past: Past) -> tuple[FloatArray, Past]:
        """Return (y [T stride, O], the past after x)."""
        y, after = self.columns.run(x, past)
        return y.reshape(len(x) * self.stride, -1), after


@dataclass(frozen=True, slots=True)
class RowLeakyReLU:
    """x, or x times a slope of at most 1 where it is below zero."""

    slope: np.float32

    def run(self, x: FloatArray, past: Past) -> tuple[FloatArray, Past]:
        """Return (y, no past)."""
        return np.maximum(x, x * self.slope), None


@dataclass(frozen=True, slots=True)
class RowChain:
    """Layers one after the other; residual: beside an identity."""

    layers: Sequence[RowLayer]
    residual: bool = False

    def run(self, x: FloatArray, past: Past) -> tuple[FloatArray, Past]:
        """Return (y, the pasts of the layers after x)."""
        before = past if isinstance(past, tuple) else (None,) * len(self.layers)
        y, after = x, []
        for layer, kept in zip(self.layers, before, strict=True):
            y, left = layer.run(y, kept)
            after.append(left)
        return (x + y if self.residual else y), tuple(after)
