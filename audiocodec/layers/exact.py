"""Matrix products whose bits do not depend on how a signal was cut into pieces, nor on threads.

Codes must not change with chunking, so neither may the last bit of a convolution. Measured on
x86 with torch's own kernels: `conv1d` and products of a few columns change their last bits
with the number of columns and of threads, because another kernel, with another order of
summation, is picked: for the columns beyond a multiple of 16 with three threads and more, for
the rows beyond a multiple of 4 with two. A float32 product [M, K] @ [K, F] with M a multiple of
4 and F one of 16 gave the same bits for every M, K, F, offset and number of threads tried (10 x
9 x 15 sizes, 1 to 64 threads). So inference on a CPU is written as such products, filled up
with zeros that are cut off again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

T = TypeVar("T")

COLUMNS = 16
"""Columns of an exact product come in multiples of this."""
ROWS = 4
"""Rows of an exact product come in multiples of this."""
TAP_CHANNELS = 16
"""From so many on, and without a stride, every tap is a product of its own."""


def wants_exact(x: Tensor) -> bool:
    """Tell whether `x` is to be computed by exact products: inference on a CPU.

    Neither half the precision nor a compiler's own kernels keep what they are for.
    """
    if x.device.type != "cpu" or torch.is_grad_enabled():
        return False
    return not (torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling())


def in_full_precision(method: Callable[..., T]) -> Callable[..., T]:
    """Let a method of an object and a tensor compute in float32, whatever autocast says."""

    @wraps(method)
    def run(self: object, x: Tensor, *words: Any) -> T:
        if x.is_meta or not torch.is_autocast_enabled(x.device.type):
            return method(self, x, *words)
        with torch.autocast(x.device.type, enabled=False):
            return method(self, x.float(), *words)

    return run


def conv1d_exact(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: int,
    dilation: int,
    groups: int = 1,
) -> Tensor:
    """Return the valid correlation of x [B, C, T] with weight [O, C / groups, k], as [B, O, F]."""
    if groups > 1:
        slices = zip(*_slices(x, weight, bias, groups), strict=True)
        parts = [conv1d_exact(*part, stride=stride, dilation=dilation) for part in slices]
        return torch.cat(parts, dim=1)
    kernel = weight.shape[-1]
    reach = (kernel - 1) * dilation + 1
    frames = (x.shape[-1] - reach) // stride + 1
    missing = -frames % COLUMNS if frames else COLUMNS  # no frames are a legal piece
    if missing:
        x = functional.pad(x, (0, missing * stride))
    out = weight.shape[0]
    if out % ROWS:
        weight = functional.pad(weight, (0, 0, 0, 0, 0, -out % ROWS))
        bias = None if bias is None else functional.pad(bias, (0, -out % ROWS))
    rows = [_product(row, weight, bias, frames + missing, stride, dilation) for row in x]
    return torch.stack(rows)[:, :out, :frames]


def _product(
    x: Tensor, weight: Tensor, bias: Tensor | None, frames: int, stride: int, dilation: int
) -> Tensor:
    """Return weight [O, C, k] applied to one row x [C, T], as [O, F]."""
    out, channels, kernel = weight.shape
    start = x.new_zeros(out, 1) if bias is None else bias[:, None]
    if stride == 1 and channels >= TAP_CHANNELS:
        # One product a tap, added up in place: no copy of the input is made.
        y = torch.addmm(start, weight[:, :, 0], x[:, :frames])
        for tap in range(1, kernel):
            begin = tap * dilation
            y.addmm_(weight[:, :, tap], x[:, begin : begin + frames])
        return y
    columns = x.as_strided(
        (channels, kernel, frames), (x.stride(0), x.stride(1) * dilation, x.stride(1) * stride)
    )
    return torch.addmm(start, weight.reshape(out, -1), columns.reshape(-1, frames))


def _slices(
    x: Tensor, weight: Tensor, bias: Tensor | None, groups: int
) -> tuple[Iterable[Tensor], Iterable[Tensor], Iterable[Tensor | None]]:
    """Return channels of x, rows of weight and elements of bias, in equal slices."""
    biases = (None,) * groups if bias is None else bias.chunk(groups)
    return x.chunk(groups, dim=1), weight.chunk(groups), biases


def depthwise_exact(x: Tensor, weight: Tensor, bias: Tensor | None, *, dilation: int) -> Tensor:
    """Return each channel of x [B, C, T] correlated with its own row of weight [C, 1, k]."""
    frames = x.shape[-1] - (weight.shape[-1] - 1) * dilation
    y = x[..., :frames] * weight[:, 0, :1]
    if bias is not None:
        y += bias[:, None]
    for tap in range(1, weight.shape[-1]):
        begin = tap * dilation
        y.addcmul_(x[..., begin : begin + frames], weight[:, 0, tap : tap + 1])
    return y


def conv_transpose1d_exact(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int, groups: int = 1
) -> Tensor:
    """Return the transposed convolution of x [B, C, m + F] with weight [C, O, (m + 1) stride].

    Only the F x stride samples that no later column changes are returned: [B, O, F x stride].
    With groups, slice g of x [B, C / groups, ...] makes slice g of the outputs, all of one size.
    """
    return multiply_mixed(x, mix(weight, bias, stride=stride, groups=groups))


@dataclass(frozen=True, slots=True)
class Mixed:
    """One group of a transposed convolution as a product of m + 1 columns, the last one first.

    matrix [O stride, (m + 1) C], filled up to whole ROWS; start [O stride, 1]: the bias; out: O.
    """

    matrix: Tensor
    start: Tensor
    out: int
    stride: int
    past: int


def mix(weight: Tensor, bias: Tensor | None, *, stride: int, groups: int = 1) -> tuple[Mixed, ...]:
    """Return what `conv_transpose1d_exact` multiplies, of each group."""
    biases = (None,) * groups if bias is None else bias.chunk(groups)
    pairs = zip(weight.chunk(groups), biases, strict=True)
    return tuple(_mix_group(part, start, stride) for part, start in pairs)


def _mix_group(weight: Tensor, bias: Tensor | None, stride: int) -> Mixed:
    channels, out, kernel = weight.shape
    past = kernel // stride - 1
    # Sample j of output column t is the sum over i of weight[:, :, i stride + j] and x[t - i].
    mixed = weight.reshape(channels, out, past + 1, stride).permute(1, 3, 2, 0)
    mixed = mixed.reshape(out * stride, (past + 1) * channels)
    mixed = functional.pad(mixed, (0, 0, 0, -out * stride % ROWS))
    start = weight.new_zeros(len(mixed), 1)
    if bias is not None:
        start[: out * stride, 0] = bias.repeat_interleave(stride)
    return Mixed(mixed, start, out, stride, past)


def multiply_mixed(x: Tensor, groups: tuple[Mixed, ...]) -> Tensor:
    """Return what `conv_transpose1d_exact` does, for x [B, C, m + F]."""
    past, stride = groups[0].past, groups[0].stride
    frames = x.shape[-1] - past
    missing = -frames % COLUMNS if frames else COLUMNS  # no frames are a legal piece
    if missing:
        x = functional.pad(x, (0, missing))
    total = frames + missing
    parts = []
    for part, group in zip(x.chunk(len(groups), dim=1), groups, strict=True):
        used, rows = group.out * stride, []
        for row in part:
            columns = torch.cat([row[:, past - i : past - i + total] for i in range(past + 1)])
            y = torch.addmm(group.start, group.matrix, columns)[:used]
            y = y.reshape(group.out, stride, total).transpose(1, 2)
            rows.append(y.reshape(group.out, total * stride))
        parts.append(torch.stack(rows))
    y = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
    return y[..., : frames * stride]
