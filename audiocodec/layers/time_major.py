"""Convolutions of signals that lie in memory column by column: exact products without copies.

A signal [B, C, T] is here the transpose of a contiguous [B, T, C]: all channels of one moment
lie side by side. Then dilated, strided and transposed convolutions are each a few matrix products
of the signal as it lies there; nothing is unfolded or put into order afterwards. What
layers/exact.py says on bits holds for these products, the roles of rows and columns swapped.

A weight should lie in memory with the axes k, C, O (`pack`), or it is copied in every call.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .exact import COLUMNS, ROWS
from .products import add_bias, multiply

CONVOLUTION = (2, 1, 0)
"""The axes k, C, O of a weight [O, C, k]."""
TRANSPOSED = (2, 0, 1)
"""The axes k, C, O of a transposed convolution's weight [C, O, k]."""

FEW_TERMS = 64
"""Up to so many terms, an unfolded copy is cheaper than a product for every tap."""
MANY_OUTPUTS = 128
"""From so many channels on, every phase of a stride is a product of its own."""


def join(parts: list[Tensor]) -> Tensor:
    """Return signals [B, C, T_i] one after the other, column by column in memory."""
    return torch.cat([part.mT for part in parts], dim=1).mT


def pack(weight: nn.Parameter, axes: tuple[int, ...]) -> None:
    """Let a weight lie in memory with its axes in this order: once, and its values stay.

    axes: CONVOLUTION or TRANSPOSED, with which every tap is a contiguous [C, O], or (1, 0) for a
        matrix [O, C].
    """
    if not weight.permute(axes).is_contiguous():
        back = tuple(axes.index(axis) for axis in range(len(axes)))
        with torch.inference_mode(weight.is_inference()), torch.no_grad():
            weight.data = weight.detach().permute(axes).contiguous().permute(back)


def correlate(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int, dilation: int
) -> Tensor:
    """Return the valid correlation of x [B, C, T] with weight [O, C, k], as [B, O, F]."""
    out, _, kernel = weight.shape
    frames = (x.shape[-1] - (kernel - 1) * dilation - 1) // stride + 1
    taps = weight.permute(2, 1, 0)
    if stride == 1 and kernel * out <= COLUMNS < kernel * weight.shape[1]:
        rows = [_few_outputs(row, taps, bias, dilation) for row in x.mT]
        return torch.stack(rows)[:, :frames].mT
    spare = -frames % ROWS
    x = functional.pad(x.mT, (0, 0, 0, spare * stride)) if spare else x.mT.contiguous()
    if out % COLUMNS:
        taps = functional.pad(taps, (0, -out % COLUMNS))
        bias = None if bias is None else functional.pad(bias, (0, -out % COLUMNS))
    rows = [add_bias(_products(row, taps, frames + spare, stride, dilation), bias) for row in x]
    y = rows[0][None] if len(rows) == 1 else torch.stack(rows)
    return y[:, :frames, :out].mT


def _products(x: Tensor, taps: Tensor, frames: int, stride: int, dilation: int) -> Tensor:
    """Return taps [k, C, O] applied to one row x [T, C], as [F, O]."""
    kernel, channels, out = taps.shape
    if kernel * channels <= FEW_TERMS or (stride > 1 and dilation > 1):
        windows = x.as_strided(
            (frames, kernel, channels), (stride * channels, dilation * channels, 1)
        )
        return multiply(windows.reshape(frames, -1), taps.reshape(-1, out))
    # So many taps at once as lie side by side in one row of the product.
    together = stride if dilation == 1 else 1
    y = None
    for tap in range(0, kernel, together):
        part = taps[tap : tap + together].reshape(-1, out)
        begin = x.storage_offset() + tap * dilation * channels
        columns = x.as_strided((frames, len(part)), (stride * channels, 1), begin)
        y = multiply(columns, part, y)
    assert y is not None
    return y


def _few_outputs(x: Tensor, taps: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """Return taps [k, C, O], few in all, applied to one row x [T, C], as [F, O].

    All taps are applied to all columns at once, and what belongs together is added up after.
    """
    kernel, channels, out = taps.shape
    frames = len(x) - (kernel - 1) * dilation
    matrix = taps.permute(1, 0, 2).reshape(channels, kernel * out)
    matrix = functional.pad(matrix, (0, -kernel * out % COLUMNS))
    spare = -len(x) % ROWS
    x = functional.pad(x, (0, 0, 0, spare)) if spare else x.contiguous()
    products = multiply(x, matrix)
    y = products[:frames, :out]
    y = y.clone() if bias is None else y + bias
    for tap in range(1, kernel):
        begin = tap * dilation
        y += products[begin : begin + frames, tap * out : (tap + 1) * out]
    return y


def correlate_transposed(x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int) -> Tensor:
    """Return the transposed convolution of x [B, C, m + F] with weight [C, O, (m + 1) stride].

    Only the F x stride samples that no later column changes are returned: [B, O, F x stride].
    """
    channels, out, kernel = weight.shape
    past = kernel // stride - 1
    frames = x.shape[-1] - past
    spare = -frames % ROWS
    x = functional.pad(x.mT, (0, 0, 0, spare)) if spare else x.mT.contiguous()
    taps = weight.permute(TRANSPOSED)
    start = x.new_zeros(out) if bias is None else bias
    if out < MANY_OUTPUTS or out % COLUMNS:
        # All phases of the stride side by side in one product.
        taps = taps.reshape(past + 1, stride, channels, out).transpose(1, 2)
        taps = taps.reshape(past + 1, channels, stride * out)
        taps = functional.pad(taps, (0, -stride * out % COLUMNS))[:, None]
        start = start.repeat(stride)
    else:
        taps = taps.reshape(past + 1, stride, channels, out)
    y = x.new_empty(len(x), frames, stride, out)
    for row, into in zip(x, y.flatten(2), strict=True):
        for phase, part in enumerate(into.tensor_split(taps.shape[1], dim=1)):
            sums = None
            for i in range(past + 1):
                columns = row[past - i : past - i + frames + spare]
                sums = multiply(columns, taps[i, phase], sums)
            assert sums is not None
            torch.add(sums[:frames, : part.shape[1]], start, out=part)
    return y.reshape(len(x), frames * stride, out).mT
