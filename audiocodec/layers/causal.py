"""Causal convolutions: an output never depends on a later input, and the past is an argument."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .exact import (
    TAP_CHANNELS,
    Mixed,
    conv1d_exact,
    conv_transpose1d_exact,
    depthwise_exact,
    mix,
    multiply_mixed,
    wants_exact,
)
from .prepared import Prepared
from .state import State


def with_past(x: Tensor, state: State, columns: int) -> Tensor:
    """Return x [B, C, T] behind its past: [B, C, columns + T]; silence when there was none."""
    if columns == 0:
        return x
    past = x.new_zeros(*x.shape[:-1], columns) if state is None else state
    if not isinstance(past, Tensor):
        raise TypeError("a convolution's state is one tensor")
    return torch.cat([past.to(x.dtype), x], dim=-1)


def check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    """Raise ValueError where channels cannot be split into so many equal groups."""
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"{groups} groups do not divide {in_channels} and {out_channels} channels")


def _begin(weight: nn.Parameter, *, std: float) -> None:
    """Draw a fresh weight, but none without memory, for which torch imports its compiler."""
    if not weight.is_meta:
        nn.init.normal_(weight, std=std)


def convolve_transposed(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, groups: int = 1
) -> Tensor:
    """Return the transposed convolution of x, its past included, without what is still open.

    x: [B, in, m + F] for a weight [in, out / groups, (m + 1) stride]; result: [B, out, F stride].
    """
    if wants_exact(x):
        return conv_transpose1d_exact(x, weight, bias, stride=stride, groups=groups)
    past = weight.shape[-1] // stride - 1
    y = functional.conv_transpose1d(x, weight, bias, stride, groups=groups)
    return y[..., past * stride : x.shape[-1] * stride]


class CausalConv1d(nn.Module):
    """Convolution padded on the left only (SoundStream, section III-A).

    With `groups` G, slice g of the outputs sees slice g of the inputs only; depthwise: every
    channel is a slice. Maps [B, in, T] to [B, out, T / stride]; T must be a multiple of the
    stride. The state is the last `past` input columns, past = (kernel - 1) dilation + 1 - stride.
    Fresh weights keep the variance times gain^2: sqrt(2) makes up for a rectifier before the layer.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        depthwise: bool = False,
        groups: int = 1,
        bias: bool = True,
        gain: float = math.sqrt(2),
    ) -> None:
        super().__init__()
        self.stride, self.dilation, self.depthwise = stride, dilation, depthwise
        self.groups = in_channels if depthwise else groups
        self.exact = conv1d_exact
        self._taps: Prepared[Tensor] = Prepared()
        self.past = (kernel - 1) * dilation + 1 - stride
        if self.past < 0 or (depthwise and stride != 1):
            raise ValueError(f"kernel {kernel} and stride {stride} leave samples out")
        check_groups(in_channels, out_channels, self.groups)
        slice_channels = in_channels // self.groups
        self.weight = nn.Parameter(torch.empty(out_channels, slice_channels, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        _begin(self.weight, std=gain / math.sqrt(kernel * slice_channels))

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, state after x)."""
        x = with_past(x, state, self.past)
        after = x[..., x.shape[-1] - self.past :]
        if not wants_exact(x):
            y = functional.conv1d(
                x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
            )
        elif self.depthwise:
            y = depthwise_exact(x, self.weight, self.bias, dilation=self.dilation)
        else:
            y = self.exact(
                x,
                self._taps.get(self._lay_out, self.weight),
                self.bias,
                stride=self.stride,
                dilation=self.dilation,
                groups=self.groups,
            )
        return y, after

    def _lay_out(self) -> Tensor:
        """Return the weight, with every tap in one piece where taps are multiplied one by one."""
        if self.stride > 1 or self.weight.shape[1] < TAP_CHANNELS:
            return self.weight.detach()
        return self.weight.detach().permute(2, 0, 1).contiguous().permute(1, 2, 0)


class CausalConvTranspose1d(nn.Module):
    """Transposed convolution cut on the right, so that it stays causal.

    Maps [B, in, T] to [B, out, T stride]; the kernel is a multiple of the stride. The state is
    the last kernel / stride - 1 input columns, whose tails reach into the next output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int,
        groups: int = 1,
        bias: bool = True,
        gain: float = math.sqrt(2),
    ) -> None:
        super().__init__()
        if kernel % stride:
            raise ValueError(f"kernel {kernel} is no multiple of stride {stride}")
        check_groups(in_channels, out_channels, groups)
        self.stride, self.groups = stride, groups
        self.past = kernel // stride - 1
        self._mixed: Prepared[tuple[Mixed, ...]] = Prepared()
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels // groups, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        fan_in = in_channels // groups * (self.past + 1)
        _begin(self.weight, std=gain / math.sqrt(fan_in))

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, state after x)."""
        x = with_past(x, state, self.past)
        after = x[..., x.shape[-1] - self.past :]
        if wants_exact(x):
            mixed = self._mixed.get(self._mix, self.weight, self.bias)
            return multiply_mixed(x, mixed), after
        return convolve_transposed(x, self.weight, self.bias, self.stride, self.groups), after

    def _mix(self) -> tuple[Mixed, ...]:
        return mix(self.weight, self.bias, stride=self.stride, groups=self.groups)
