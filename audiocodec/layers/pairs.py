"""Convolutions of kernel 7 that make two outputs at once from ten products, not fourteen.

Winograd's minimal filtering F(2, 3) (Lavin and Gray, arXiv 1509.09308): two outputs of a kernel
of 3 take four products instead of six. A kernel of 7 is twice such a kernel and one tap more.
All factors are 1 and 1/2, so rounding errors stay about those of the plain sum. Outputs t and
t + dilation are a pair, so signals are cut into blocks of `dilation` columns, and two blocks of
outputs belong together; their place in the signal must not depend on how it is cut.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .exact import ROWS
from .packed import Packed, can_pack

KERNEL = 7


def pairs_pay(channels: int) -> bool:
    """Tell whether the sums before and after the products cost less than they save."""
    return channels >= 192 and can_pack()


class Pairs:
    """The products of one convolution, packed; taps [7, C, O] and a bias [O] in any case."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        taps = weight.permute(2, 0, 1)
        self.halves = [Packed(half) for half in _halves(taps)]
        self.first = [Packed(taps[0]), Packed(-taps[3]), Packed(taps[6], bias)]
        self.second = [Packed(taps[2]), Packed(-taps[5]), self.first[2]]

    def correlate(self, x: Tensor, *, dilation: int) -> Tensor:
        """Return the valid correlation of rows x [T + 6 dilation, C], as [T, O].

        T is a multiple of 2 dilation. Bits are as independent of T as those of layers/exact.py.
        """
        rows = len(x) - (KERNEL - 1) * dilation
        pairs = rows // (2 * dilation)
        if spare := -pairs % ROWS:
            x = functional.pad(x, (0, 0, 0, spare * 2 * dilation))
            pairs += spare
        blocks = x.reshape(pairs + KERNEL // 2, 2, dilation, -1)
        even, odd = blocks[:, 0], blocks[:, 1]
        one, two, many = slice(1, pairs + 1), slice(2, pairs + 2), pairs * dilation
        plus = self.halves[0].multiply((odd[:pairs] + even[one]).flatten(0, 1))
        plus = self.halves[2].multiply((odd[two] + even[two]).flatten(0, 1), plus)
        minus = self.halves[1].multiply((even[one] - odd[:pairs]).flatten(0, 1))
        minus = self.halves[3].multiply((odd[two] - even[two]).flatten(0, 1), minus)
        falls = (even[:-1] - even[1:]).flatten(0, 1)
        rises = (odd[1:] - odd[:-1]).flatten(0, 1)
        first = self.first[0].multiply(falls[:many], plus + minus)
        first = self.first[1].multiply(rises[dilation : dilation + many], first)
        first = self.first[2].multiply(even[3:].flatten(0, 1), first)
        second = self.second[0].multiply(rises[:many], plus.sub_(minus))
        second = self.second[1].multiply(falls[2 * dilation :], second)
        second = self.second[2].multiply(odd[3:].flatten(0, 1), second)
        shape = (pairs, dilation, -1)
        y = torch.stack([first.reshape(shape), second.reshape(shape)], dim=1)
        return y.flatten(0, 2)[:rows]


def _halves(taps: Tensor) -> list[Tensor]:
    """Return half the sum of three taps, once with the middle one negative, for both threes."""
    found = []
    for first in (0, 3):
        ends = taps[first] + taps[first + 2]
        found += [(ends + taps[first + 1]) * 0.5, (ends - taps[first + 1]) * 0.5]
    return found
