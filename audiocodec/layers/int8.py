"""Layers in the int8 arithmetic of TFLite's XNNPACK kernels, for weights that were made for it.

A tensor between them is float32 and holds whole numbers c, centred: stored int8 value minus zero
point, so that 0 is silence and the value is scale x c. Sums of products of such numbers stay
below 2^24, where float32 is exact in any order of summation: these layers give the same bits for
every piece, thread and device.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .causal import with_past
from .prepared import Prepared
from .state import State


@dataclass(frozen=True, slots=True)
class Grid:
    """The int8 values of one tensor: value = scale x (stored - zero)."""

    scale: float
    zero: int

    def clamp(self, c: Tensor) -> Tensor:
        """Clamp centred numbers, in place, to what int8 can store."""
        return c.clamp_(-128 - self.zero, 127 - self.zero)


class ToInt8(nn.Module):
    """Float to the nearest centred number of a grid."""

    def __init__(self, target: Grid) -> None:
        super().__init__()
        self.target = target
        # One over the scale in float32, as the kernel has it.
        self.factor = float(1 / np.float32(target.scale))

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (c, an empty state)."""
        return self.target.clamp((x * self.factor).round_()), ()


class FromInt8(nn.Module):
    """Centred numbers of a grid to float."""

    def __init__(self, source: Grid) -> None:
        super().__init__()
        self.source = source

    def forward(self, c: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (x, an empty state)."""
        return c * self.source.scale, ()


class Int8LeakyReLU(nn.Module):
    """Leaky ReLU from one grid to another by fixed-point factors with 8 fractional bits."""

    def __init__(self, *, negative_slope: float, source: Grid, target: Grid) -> None:
        super().__init__()
        self.target = target
        rescale = np.float32(source.scale) / np.float32(target.scale)
        self.above = float(np.rint(256 * rescale)) / 256
        self.below = float(np.rint(256 * (rescale * np.float32(negative_slope)))) / 256
        self.slope = self.below / self.above if self.above else 0.0

    def forward(self, c: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (c on the target, an empty state)."""
        # Exact results are multiples of 1/256, so another 1/512 makes up for the roundings here.
        y = functional.leaky_relu(c, self.slope).mul_(self.above)
        return self.target.clamp(y.add_(0.5 + 1 / 512).floor_()), ()


@dataclass(frozen=True, slots=True)
class _Columns:
    """A convolution's numbers as they are multiplied; G groups, of single channels none.

    weight [G, O / G, C k / G] or [O, k], bias [G, O / G, 1] or [O, 1], factors [O, 1].
    """

    weight: Tensor
    bias: Tensor
    factors: Tensor


class Int8Conv1d(nn.Module):
    """`CausalConv1d` on centred numbers; the sums are rounded to the target's grid.

    weight, bias: whole numbers. factors [O]: scale of the sums over that of the target.
    """

    weight: Tensor
    bias: Tensor
    factors: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        target: Grid,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.target, self.stride, self.dilation, self.groups = target, stride, dilation, groups
        self.depthwise = groups == in_channels == out_channels and stride == 1
        self.past = (kernel - 1) * dilation + 1 - stride
        self._columns: Prepared[_Columns] = Prepared()
        self.register_buffer("weight", torch.zeros(out_channels, in_channels // groups, kernel))
        self.register_buffer("bias", torch.zeros(out_channels))
        self.register_buffer("factors", torch.ones(out_channels))

    def forward(self, c: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (c on the target [B, O, T / stride], state after c)."""
        c = with_past(c, state, self.past)
        after = c[..., c.shape[-1] - self.past :]
        columns = self._columns.get(self._prepare, self.weight, self.bias, self.factors)
        sums = self._by_channel(c, columns) if self.depthwise else self._by_group(c, columns)
        return self.target.clamp(sums.mul_(columns.factors).round_()), after

    def _prepare(self) -> "_Columns":
        out = len(self.bias)
        shape = (out, -1) if self.depthwise else (self.groups, out // self.groups, -1)
        return _Columns(
            weight=self.weight.reshape(shape),
            bias=self.bias.reshape(*shape[:-1], 1),
            factors=self.factors[:, None],
        )

    def _by_channel(self, c: Tensor, columns: "_Columns") -> Tensor:
        """Return the sums [B, O, F] of a layer on single channels."""
        kernel = columns.weight.shape[1]
        frames = c.shape[-1] - (kernel - 1) * self.dilation
        sums = (c[..., :frames] * columns.weight[:, :1]).add_(columns.bias)
        for tap in range(1, kernel):
            begin = tap * self.dilation
            sums.addcmul_(c[..., begin : begin + frames], columns.weight[:, tap : tap + 1])
        return sums

    def _by_group(self, c: Tensor, columns: "_Columns") -> Tensor:
        """Return the sums [B, O, F]; products are quicker than `conv1d` at these sizes."""
        out, channels, kernel = self.weight.shape
        frames = (c.shape[-1] - (kernel - 1) * self.dilation - 1) // self.stride + 1
        c = c.contiguous()
        step = c.stride(1)
        taps = c.as_strided(
            (len(c), self.groups, channels, kernel, frames),
            (c.stride(0), channels * step, step, self.dilation, self.stride),
        ).reshape(len(c), self.groups, channels * kernel, frames)
        rows = [torch.baddbmm(columns.bias, columns.weight, row) for row in taps]
        sums = rows[0] if len(rows) == 1 else torch.stack(rows)
        return sums.view(len(c), out, frames)


@dataclass(frozen=True, slots=True)
class _Groups:
    """A transposed convolution's numbers as they are multiplied, for G groups.

    weight [G, O k / G, C / G]; bias, factors, tail_bias [G, O / G, 1 ...]; of the grids:
    scales, least, most [G, 1, ...].
    """

    weight: Tensor
    bias: Tensor
    factors: Tensor
    tail_bias: Tensor
    scales: Tensor
    least: Tensor
    most: Tensor


class Int8ConvTranspose1d(nn.Module):
    """Transposed convolution whose overlaps between frames, but not inside one, are float.

    Each group of a frame's outputs is rounded to a grid of its own and made float; only then are
    the tails of the frame before, without their bias, added. The state is those tails.

    frame: input columns of one frame. kernel is twice the stride. tail_bias [O]: the bias in
    float, as it is taken off the tails.
    """

    weight: Tensor
    bias: Tensor
    factors: Tensor
    tail_bias: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        targets: tuple[Grid, ...],
        frame: int,
    ) -> None:
        super().__init__()
        self.stride, self.frame, self.targets = stride, frame, targets
        groups = len(targets)
        self._groups: Prepared[_Groups] = Prepared()
        self.register_buffer("weight", torch.zeros(in_channels, out_channels // groups, 2 * stride))
        self.register_buffer("bias", torch.zeros(out_channels))
        self.register_buffer("factors", torch.ones(out_channels))
        self.register_buffer("tail_bias", torch.zeros(out_channels))

    def forward(self, c: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (x, float, [B, O, T stride], state after c)."""
        rows, channels, columns = c.shape
        parts = self._groups.get(
            self._prepare, self.weight, self.bias, self.factors, self.tail_bias
        )
        sums = parts.weight @ c.reshape(rows, len(parts.weight), -1, columns)
        # [B, G, O / G, heads and tails, stride, F, frame]
        sums = sums.view(*sums.shape[:2], -1, 2, self.stride, columns // self.frame, self.frame)
        heads, tails = sums[:, :, :, 0], sums[:, :, :, 1]
        heads[..., 1:] += tails[..., :-1]
        sums.add_(parts.bias).mul_(parts.factors).round_()
        x = torch.clamp(sums, parts.least, parts.most, out=sums).mul_(parts.scales)
        heads, ends = x[:, :, :, 0], x[:, :, :, 1, ..., -1] - parts.tail_bias
        heads[..., 0] += with_past(ends, state, 1)[..., :-1]
        y = heads.movedim(3, -1).reshape(rows, -1, columns * self.stride)
        return y, ends[..., -1:]

    def _prepare(self) -> "_Groups":
        groups = len(self.targets)
        channels, out, kernel = self.weight.shape
        weight = self.weight.reshape(groups, channels // groups, out * kernel).transpose(1, 2)
        grids = ([g.scale, -128.0 - g.zero, 127.0 - g.zero] for g in self.targets)
        numbers = self.weight.new_tensor(list(grids)).reshape(groups, 3, *(1,) * 5)
        by_output = (groups, out, *(1,) * 4)
        return _Groups(
            weight=weight.contiguous(),
            bias=self.bias.reshape(by_output),
            factors=self.factors.reshape(by_output),
            tail_bias=self.tail_bias.reshape(by_output[:4]),
            scales=numbers[:, 0],
            least=numbers[:, 1],
            most=numbers[:, 2],
        )


class Int8Residual(nn.Module):
    """x + body(x) on centred numbers, by fixed-point factors; the state is the body's."""

    def __init__(self, body: nn.Module, *, source: Grid, inner: Grid, target: Grid) -> None:
        super().__init__()
        self.body, self.target = body, target
        scales = np.array([inner.scale, source.scale], np.float32)
        ratios = (scales / np.float32(target.scale)).astype(np.float64)
        # 21 significant bits for the larger factor, so that sums have no more than 31.
        self.shift = 21 - math.frexp(float(ratios.max()))[1]
        if not 1 <= self.shift <= 30:
            raise ValueError("scales of an addition are too far apart")
        factors = np.rint(ratios * 2.0**self.shift).astype(int).tolist()
        self.inner_factor, self.source_factor = factors

    def forward(self, c: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (c on the target, state after c)."""
        y, after = self.body(c, state)
        sums = y.int().mul_(self.inner_factor).add_(c.int(), alpha=self.source_factor)
        sums = sums.add_(1 << self.shift - 1).bitwise_right_shift_(self.shift)
        return self.target.clamp(sums.to(c.dtype)), after
