"""Convolutions by packed matrices (layers/matrix.py), for signals that lie column by column.

oneDNN's convolution is used where what layers/matrix.py says on bits holds of it as well. The
operators are those that torch.compile calls for layers of frozen weights.
"""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from .exact import ROWS
from .matrix import ROWS_HINT, Packed, can_pack, pays
from .prepared import Prepared
from .push import PushConv1d, PushConvTranspose1d

__all__ = ["Packed", "PackedConv1d", "PackedConvTranspose1d", "PackedKernel", "can_pack", "pays"]

_FEWEST_CHANNELS, _FEW_CHANNELS, _FEWEST_ROWS = 64, 128, 32


class PackedKernel:
    """A whole convolution without a stride, for signals that lie column by column, packed.

    oneDNN's convolution is as fast as a product for every tap would be without their sums. For up
    to _FEW_CHANNELS channels and from _FEWEST_ROWS rows on, the bits are as independent of the
    number of rows as those of its products; with more channels they are not.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, dilation: int) -> None:
        self.shape: tuple[list[int], ...] = ([0, 0], [1, 1], [1, dilation])
        self.bias = bias
        with torch.inference_mode():
            planes = weight[:, :, None].contiguous(memory_format=torch.channels_last)
            self.weight = torch.ops.mkldnn._reorder_convolution_weight(
                planes, *self.shape, 1, [1, weight.shape[1], 1, ROWS_HINT]
            )

    def correlate(self, rows: Tensor) -> Tensor:
        """Return the valid correlation of contiguous rows [T, C], as [F, O]."""
        plane = rows.T[None, :, None]
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(
            plane, self.weight, self.bias, *self.shape, 1, "none", [], ""
        )
        return y[0, :, 0].T


class PackedConv1d(PushConv1d):
    """A `PushConv1d` of signals that lie column by column, by packed weights where they pay."""

    def __init__(self, in_channels: int, out_channels: int, **shape: int | bool | str) -> None:
        super().__init__(in_channels, out_channels, time_major=True, **shape)  # type: ignore[arg-type]
        self.packed: Prepared[list[Packed]] = Prepared()
        self.kernel: Prepared[PackedKernel] = Prepared()
        small = min(in_channels, out_channels) >= _FEWEST_CHANNELS
        small = small and max(in_channels, out_channels) <= _FEW_CHANNELS
        self.whole = small and self.groups == 1 and self.stride == 1 and self.reach > 1

    def convolve(self, columns: Tensor) -> Tensor:
        """Return all outputs that columns [B, in, n] hold whole."""
        out, channels, kernel = self.weight.shape
        frames = (columns.shape[-1] - self.reach) // self.stride + 1
        fits = self.groups == 1 and (self.dilation == 1 or self.stride == 1)
        if frames > 0 and self.whole and pays(columns, channels * kernel, out):
            return self._whole(columns, frames)
        if frames < 1 or not fits or not pays(columns, channels * self.stride, out):
            return super().convolve(columns)
        # So many taps at once as lie side by side in one row of a product.
        together = self.stride
        packed = self.packed.get(lambda: self._pack(together), self.weight, self.bias)
        spare = -frames % ROWS
        signals = [
            _filled(row, (frames + spare - 1) * self.stride + self.reach) for row in columns.mT
        ]
        rows = []
        for signal in signals:
            y = None
            for tap, part in zip(range(0, kernel, together), packed, strict=True):
                width = min(together, kernel - tap) * channels
                begin = signal.storage_offset() + tap * self.dilation * channels
                taken = signal.as_strided(
                    (frames + spare, width), (self.stride * channels, 1), begin
                )
                y = part.multiply(taken, y)
            assert y is not None
            rows.append(y[:frames])
        return _stacked(rows).mT

    def _whole(self, columns: Tensor, frames: int) -> Tensor:
        weight, bias, dilation = self.weight, self.bias, self.dilation
        make = partial(PackedKernel, weight.detach(), bias, dilation)
        packed = self.kernel.get(make, weight, bias)
        wanted = max(frames + -frames % ROWS, _FEWEST_ROWS) + self.reach - 1
        return _stacked([packed.correlate(_filled(row, wanted))[:frames] for row in columns.mT]).mT

    def _pack(self, together: int) -> list[Packed]:
        parts = torch.split(self.weight.detach(), together, dim=2)
        matrices = [part.permute(0, 2, 1).flatten(1) for part in parts]
        biases = [self.bias, *[None] * (len(matrices) - 1)]
        return [Packed(matrix, bias) for matrix, bias in zip(matrices, biases, strict=True)]


class PackedConvTranspose1d(PushConvTranspose1d):
    """A `PushConvTranspose1d` likewise."""

    def __init__(self, in_channels: int, out_channels: int, **shape: int | bool | str) -> None:
        super().__init__(in_channels, out_channels, time_major=True, **shape)  # type: ignore[arg-type]
        self.packed: Prepared[list[Packed]] = Prepared()

    def convolve(self, columns: Tensor) -> Tensor:
        """Return the samples that no column after columns [B, in, past + T] changes."""
        channels, out, _ = self.weight.shape
        frames = columns.shape[-1] - self.past
        if frames < 1 or self.groups > 1 or not pays(columns, channels, self.stride * out):
            return super().convolve(columns)
        packed = self.packed.get(self._pack, self.weight, self.bias)
        wide = frames + -frames % ROWS
        rows = []
        for signal in (_filled(row, wide + self.past) for row in columns.mT):
            y = None
            for tap, part in enumerate(packed):
                begin = self.past - tap
                y = part.multiply(signal[begin : begin + wide], y)
            assert y is not None
            rows.append(y[:frames].reshape(frames * self.stride, out))
        return _stacked(rows).mT

    def _pack(self) -> list[Packed]:
        parts = torch.split(self.weight.detach(), self.stride, dim=2)
        # Output (phase, channel) of one tap of the whole column.
        matrices = [part.permute(2, 1, 0).flatten(0, 1) for part in parts]
        bias = None if self.bias is None else self.bias.detach().repeat(self.stride)
        biases = [bias, *[None] * (len(matrices) - 1)]
        return [Packed(matrix, first) for matrix, first in zip(matrices, biases, strict=True)]


def _filled(rows: Tensor, count: int) -> Tensor:
    """Return contiguous rows [T, C], with rows of zeros behind them if there are fewer."""
    if len(rows) < count:
        return functional.pad(rows, (0, 0, 0, count - len(rows)))
    return rows.contiguous()


def _stacked(rows: list[Tensor]) -> Tensor:
    return rows[0][None] if len(rows) == 1 else torch.stack(rows)
