"""Convolutions that add up in the order of XNNPACK's float kernels, for parity with them.

Those kernels begin with the bias and add one product after the other, each by a fused
multiply-add: tap by tap, channel by channel. Where int8 layers follow, the last bit matters: it
decides some roundings, and one int8 step changes codes for half a second.

Measured on x86, a float32 matrix product adds up in just this way for up to 192 terms; beyond
that it is cut into blocks whose sums are added last. So longer sums are products of MAX_TERMS
terms each, of which the first ROWS_AT_ONCE are the sums so far times the unit matrix: one of
them is added to zero, which is exact, and the others are zero.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .exact import COLUMNS, ROWS

MAX_TERMS = 192
ROWS_AT_ONCE = 32


def conv1d_ordered(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: int,
    dilation: int,
    groups: int = 1,
) -> Tensor:
    """Return what `conv1d_exact` returns, but for the order of summation."""
    out, channels, kernel = weight.shape
    frames = (x.shape[-1] - (kernel - 1) * dilation - 1) // stride + 1
    spare = -frames % COLUMNS
    x = functional.pad(x, (0, spare * stride)) if spare else x.contiguous()
    shape = (groups, kernel, channels, frames + spare)
    start = x.new_zeros(out) if bias is None else bias
    taps_first = weight.transpose(1, 2).reshape(groups, out // groups, kernel * channels)
    matrices = torch.cat([start.reshape(groups, -1, 1), taps_first], dim=2)
    if out // groups % ROWS:
        matrices = functional.pad(matrices, (0, 0, 0, -(out // groups) % ROWS))
    rows = []
    for row in x:
        step = row.stride(0)
        taps = row.as_strided(shape, (channels * step, dilation, step, stride)).flatten(1, 2)
        ones = row.new_ones(groups, 1, shape[-1])
        sums = _product(matrices, torch.cat([ones, taps], dim=1))
        rows.append(sums[:, : out // groups].reshape(out, -1))
    y = rows[0][None] if len(rows) == 1 else torch.stack(rows)
    return y[..., :frames]


def _product(matrices: Tensor, terms: Tensor) -> Tensor:
    """Return matrices [G, O, K] @ terms [G, K, F], each sum in the order of k."""
    sums = matrices[..., :MAX_TERMS] @ terms[:, :MAX_TERMS]
    step = MAX_TERMS - ROWS_AT_ONCE
    for begin in range(MAX_TERMS, terms.shape[1], step):
        block = matrices[..., begin : begin + step]
        room = sums.new_empty(len(sums), ROWS_AT_ONCE, sums.shape[2])
        both = torch.cat([room, terms[:, begin : begin + step]], dim=1)
        for part, rows in zip(
            torch.split(sums, ROWS_AT_ONCE, dim=1),
            torch.split(block, ROWS_AT_ONCE, dim=1),
            strict=True,
        ):
            there = both[:, ROWS_AT_ONCE - part.shape[1] :]
            there[:, : part.shape[1]] = part
            part[:] = torch.cat([_unit(part), rows], dim=2) @ there
    return sums


def _unit(sums: Tensor) -> Tensor:
    """Return a unit matrix for each of sums [G, O, F]."""
    size = sums.shape[1]
    return torch.eye(size, dtype=sums.dtype, device=sums.device).expand(len(sums), -1, -1)
