"""Convolutions that add up in the order of XNNPACK's float kernels, for parity with them.

Those kernels begin with the bias and add one product after the other, each by a fused
multiply-add: tap by tap, channel by channel. Where int8 layers follow, the last bit matters: it
decides some roundings, and one int8 step changes codes for half a second.

Measured on x86, a float32 matrix product adds up in just this way for up to 192 terms; beyond
that it is cut into blocks whose sums are added last. So longer sums are products of MAX_TERMS
terms each, of which the first ROWS_AT_ONCE are the sums so far times the unit matrix: one of
them is added to zero, which is exact, and the others are zero.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .exact import COLUMNS, ROWS
from .prepared import Prepared

MAX_TERMS = 192
ROWS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class _Matrices:
    """A weight [O, C / G, k] and its bias, cut into products of no more than MAX_TERMS terms.

    first [G, O / G, n]: the bias and the terms after it. later: for every further block of terms
    one matrix [G, R, R + n] for every R outputs of a group, a unit matrix before the terms.
    """

    first: Tensor
    later: tuple[tuple[Tensor, ...], ...]


class OrderedProducts:
    """`conv1d_exact` for one layer, but for the order of summation."""

    def __init__(self) -> None:
        self._matrices: Prepared[_Matrices] = Prepared()

    def __call__(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        *,
        stride: int,
        dilation: int,
        groups: int = 1,
    ) -> Tensor:
        """Return the valid correlation of x [B, C, T] with weight [O, C / groups, k]."""
        out, _, kernel = weight.shape
        frames = (x.shape[-1] - (kernel - 1) * dilation - 1) // stride + 1
        matrices = self._matrices.get(lambda: _cut(weight, bias, groups), weight, bias)
        rows = []
        for row in x:
            terms = _terms(row, kernel, frames, stride=stride, dilation=dilation, groups=groups)
            sums = _product(matrices, terms)
            rows.append(sums[:, : out // groups].reshape(out, -1)[:, :frames])
        return rows[0][None] if len(rows) == 1 else torch.stack(rows)


def _cut(weight: Tensor, bias: Tensor | None, groups: int) -> _Matrices:
    """Return a weight in the order of its terms: the bias, then tap by tap."""
    out = len(weight)
    start = weight.new_zeros(out) if bias is None else bias
    terms = weight.transpose(1, 2).reshape(groups, out // groups, -1)
    whole = torch.cat([start.reshape(groups, -1, 1), terms], dim=2)
    whole = functional.pad(whole, (0, 0, 0, -(out // groups) % ROWS))
    later = []
    step = MAX_TERMS - ROWS_AT_ONCE
    for begin in range(MAX_TERMS, whole.shape[2], step):
        parts = torch.split(whole[..., begin : begin + step], ROWS_AT_ONCE, dim=1)
        later.append(tuple(torch.cat([_unit(part), part], dim=2) for part in parts))
    return _Matrices(whole[..., :MAX_TERMS].contiguous(), tuple(later))


def _unit(block: Tensor) -> Tensor:
    """Return a unit matrix for the outputs of each group of a block [G, R, n]."""
    groups, rows, _ = block.shape
    return torch.eye(rows, dtype=block.dtype, device=block.device).expand(groups, -1, -1)


def _terms(
    row: Tensor, kernel: int, frames: int, *, stride: int, dilation: int, groups: int
) -> Tensor:
    """Return what the matrices multiply, for one row [C, T]: ones, then tap by tap.

    [G, 1 + k C / G, F], F filled up to a multiple of COLUMNS with anything finite.
    """
    spare, channels = -frames % COLUMNS, len(row) // groups
    if kernel == 1 and stride == 1:
        return functional.pad(row.reshape(groups, channels, -1), (0, spare, 1, 0), value=1.0)
    row = row.contiguous()
    step = row.stride(0)
    taps = row.as_strided(
        (groups, kernel, channels, frames), (channels * step, dilation, step, stride)
    )
    terms = row.new_ones(groups, 1 + kernel * channels, frames + spare)
    terms[:, 1:, :frames].view(taps.shape).copy_(taps)
    return terms


def _product(matrices: _Matrices, terms: Tensor) -> Tensor:
    """Return the matrices times terms [G, K, F], each sum in the order of k: [G, O / G, F]."""
    sums = torch.bmm(matrices.first, terms[:, :MAX_TERMS])
    begin = MAX_TERMS
    for parts in matrices.later:
        count = parts[0].shape[2] - parts[0].shape[1]
        room = sums.new_empty(len(sums), ROWS_AT_ONCE, sums.shape[2])
        both = torch.cat([room, terms[:, begin : begin + count]], dim=1)
        for matrix, part in zip(parts, torch.split(sums, ROWS_AT_ONCE, dim=1), strict=True):
            there = both[:, ROWS_AT_ONCE - part.shape[1] :]
            there[:, : part.shape[1]] = part
            torch.bmm(matrix, there, out=part)
        begin += count
    return sums
