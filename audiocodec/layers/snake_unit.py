"""The residual unit of DAC and SNAC: x + k1(Snake(k7(Snake(x)))), with few passes over memory.

Signals lie column by column in memory (layers/time_major.py). Snake writes straight behind what
the wide convolution still needs of the past, and the last product adds to x in place. Where the
wide convolution sees one channel each, and so takes little time, columns go through all steps in
blocks, so that what lies between stays in the cache.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .exact import COLUMNS, ROWS, wants_exact
from .packed import Packed, PackedConv1d, pays
from .pairs import Pairs, pairs_pay
from .prepared import Prepared
from .products import add_tiled, multiply_arrays
from .push import PushConv1d, PushLayer
from .snake import Snake
from .state import State
from .time_major import CONVOLUTION, pack

KERNEL = 7
BLOCK = 1 << 18
"""Elements of the input that go through all steps before the next ones."""


class SnakeUnit(PushLayer):
    """One residual unit; the wide convolution is padded by zeros to keep the length.

    groups: 1, or as many as channels. Where it pays, outputs are made in pairs (layers/pairs.py),
    and only whole pairs of blocks of `dilation` columns are given before the end.
    """

    def __init__(self, channels: int, *, dilation: int, groups: int = 1) -> None:
        super().__init__()
        self.dilation = dilation
        self.ahead = KERNEL // 2 * dilation
        self.snake1 = Snake(channels)
        self.conv1 = PackedConv1d(
            channels, channels, kernel=KERNEL, dilation=dilation, groups=groups
        )
        self.snake2 = Snake(channels)
        self.conv2 = PushConv1d(channels, channels, kernel=1, time_major=True)
        self.in_pairs = groups == 1 and pairs_pay(channels)
        self.together = 2 * dilation if self.in_pairs else 1
        self.pairs: Prepared[Pairs] = Prepared()
        self.narrow: Prepared[Packed] = Prepared()
        self.in_blocks = groups == channels and channels % COLUMNS == 0

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return max(0, seen - self.ahead) // self.together * self.together

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (what of y is complete, state after x [B, C, T])."""
        rows = x.mT.contiguous()
        before, waiting = state if isinstance(state, tuple) else (None, None)
        past = before if isinstance(before, Tensor) else _zeros(rows, self.ahead)
        if self.in_blocks and len(x) == 1 and wants_exact(x) and x.dtype == torch.float32:
            old = waiting[0] if isinstance(waiting, Tensor) else rows[0, :0]
            y, kept, old = self._run(past[0], old, rows[0], last)
            return y.T[None], (kept[None], old[None])
        if isinstance(waiting, Tensor) and waiting.shape[1]:
            rows = torch.cat([waiting, rows], dim=1)
        begin, end = past.shape[1], past.shape[1] + x.shape[-1]
        ready = end + (self.ahead if last else 0) - 2 * self.ahead
        ready = max(0, ready if last else ready // self.together * self.together)
        behind = (self.ahead + -ready % self.together) if last else 0
        buffer = rows.new_empty(len(rows), end + behind, rows.shape[2])
        buffer[:, :begin] = past
        self.snake1.write(rows[:, rows.shape[1] - x.shape[-1] :], buffer[:, begin:end])
        buffer[:, end:] = 0
        y = self._body(buffer, rows[:, :ready]) if ready else rows[:, :0]
        after = (buffer[:, ready:end].clone(), rows[:, ready:].clone())
        return y.mT, after

    def _run(self, past: Tensor, old: Tensor, rows: Tensor, last: bool) -> tuple[Tensor, ...]:
        """Return the outputs for rows [T, C] block by block, and both parts of the state after.

        past, old: the activated rows that are still needed, and the rows before these.
        """
        reach, channels, end = 2 * self.ahead, rows.shape[1], len(past) + len(rows)
        ready = max(0, end - (self.ahead if last else reach))
        y = rows.new_empty(ready + -ready % ROWS, channels)
        step = max(BLOCK // channels, reach + ROWS) // ROWS * ROWS
        window = rows.new_empty(reach + min(step, len(y)), channels)
        self._activate(past, rows, 0, window[:reach])
        kept = window[:end]
        for begin in range(0, len(y), step):
            out = y[begin : begin + step]
            part = window[: reach + len(out)]
            self._activate(past, rows, begin + reach, part[reach:])
            self._multiply(part, out)
            until = min(begin + len(out), ready)
            y[begin:until] += _between(old, rows, begin, until)
            kept = part[until - begin : end - begin].clone()
            window[:reach] = part[len(out) :].clone()
        return y[:ready], kept, _between(old, rows, ready, len(old) + len(rows)).clone()

    def _activate(self, past: Tensor, rows: Tensor, begin: int, out: Tensor) -> None:
        """Write the activated rows from `begin` on to out: past, Snake of rows, then zeros."""
        first, end = len(past), len(past) + len(rows)
        wanted = begin + len(out)
        if begin < first:
            out[: first - begin] = past[begin:wanted]
        low, high = max(begin, first), min(wanted, end)
        if low < high:
            self.snake1.write(
                rows[None, low - first : high - first], out[None, low - begin : high - begin]
            )
        if end < wanted:
            out[max(0, end - begin) :] = 0

    def _multiply(self, activated: Tensor, out: Tensor) -> None:
        """Write k1(Snake(k7(activated))) to out [T, C]."""
        wide, narrow = self.conv1, self.conv2
        assert wide.bias is not None and narrow.bias is not None
        pack(wide.weight, CONVOLUTION)
        taps = wide.weight.permute(CONVOLUTION)[:, 0]
        y = _depthwise(activated[None], taps, wide.bias, self.dilation)[0]
        self.snake2.write(y[None], y[None])
        pack(narrow.weight, CONVOLUTION)
        array = out.numpy()
        multiply_arrays(y.numpy(), narrow.weight[:, :, 0].T.numpy(), array)
        add_tiled(array, np.tile(narrow.bias.numpy(), 4))

    def _body(self, activated: Tensor, x: Tensor) -> Tensor:
        """Return x [B, T, C] and what the rest of the unit makes of the activated rows."""
        ready = x.shape[1]
        whole = ready + -ready % self.together
        activated = activated[:, : whole + 2 * self.ahead]
        y = self._wide(activated)[:, :ready]
        self.snake2.write(y, y)
        bias = self.conv2.bias
        if not wants_exact(x) or x.shape[2] % COLUMNS or bias is None:
            return x + self.conv2.convolve(y.mT).mT
        if spare := -ready % ROWS:
            x, y = (functional.pad(part, (0, 0, 0, spare)) for part in (x, y))
        if pays(x, x.shape[2], x.shape[2]):
            packed = self.narrow.get(
                lambda: Packed(self.conv2.weight[:, :, 0], bias), self.conv2.weight, bias
            )
            return _stacked([packed.multiply(*row)[:ready] for row in zip(y, x, strict=True)])
        pack(self.conv2.weight, CONVOLUTION)
        sums = x + bias
        for row, into in zip(y, sums, strict=True):
            into.addmm_(row, self.conv2.weight[:, :, 0].T)
        return sums[:, :ready]

    def _wide(self, rows: Tensor) -> Tensor:
        """Return the wide convolution of rows [B, T + 2 ahead, C], as [B, T, C]."""
        conv, bias = self.conv1, self.conv1.bias
        in_pairs = self.in_pairs and pays(rows, rows.shape[2], rows.shape[2])
        if not wants_exact(rows) or (conv.groups == 1 and not in_pairs) or bias is None:
            return conv.convolve(rows.mT).mT
        if in_pairs:
            pairs = self.pairs.get(lambda: Pairs(conv.weight, bias), conv.weight, bias)
            return _stacked([pairs.correlate(row, dilation=self.dilation) for row in rows])
        pack(conv.weight, CONVOLUTION)
        return _depthwise(rows, conv.weight.permute(CONVOLUTION)[:, 0], bias, self.dilation)


def _between(old: Tensor, rows: Tensor, begin: int, end: int) -> Tensor:
    """Return rows from begin to end of those that `rows` follow on `old`."""
    split = len(old)
    if begin >= split:
        return rows[begin - split : end - split]
    return torch.cat([old[begin:end], rows[: max(0, end - split)]])


def _stacked(rows: list[Tensor]) -> Tensor:
    return rows[0][None] if len(rows) == 1 else torch.stack(rows)


def _zeros(rows: Tensor, count: int) -> Tensor:
    return rows.new_zeros(len(rows), count, rows.shape[2])


def _depthwise(rows: Tensor, taps: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """Return every channel of rows [B, T', C] correlated with its own column of taps [k, C]."""
    frames = rows.shape[1] - (len(taps) - 1) * dilation
    y = torch.addcmul(bias, rows[:, :frames], taps[0])
    for tap in range(1, len(taps)):
        begin = tap * dilation
        y.addcmul_(rows[:, begin : begin + frames], taps[tap])
    return y
