"""The residual unit of DAC and SNAC: x + k1(Snake(k7(Snake(x)))), with few passes over memory.

Signals lie column by column in memory (layers/time_major.py). Snake writes straight behind what
the wide convolution still needs of the past, and the last product adds to x in place.
"""

import torch
from torch import Tensor

from .exact import COLUMNS, ROWS, wants_exact
from .pairs import correlate_pairs, pairs_pay
from .push import PushConv1d, PushLayer
from .snake import Snake
from .state import State
from .time_major import CONVOLUTION, pack

KERNEL = 7


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
        self.conv1 = PushConv1d(
            channels, channels, kernel=KERNEL, dilation=dilation, groups=groups, time_major=True
        )
        self.snake2 = Snake(channels)
        self.conv2 = PushConv1d(channels, channels, kernel=1, time_major=True)
        self.in_pairs = groups == 1 and pairs_pay(channels)
        self.together = 2 * dilation if self.in_pairs else 1

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return max(0, seen - self.ahead) // self.together * self.together

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (what of y is complete, state after x [B, C, T])."""
        rows = x.mT
        before, waiting = state if isinstance(state, tuple) else (None, None)
        past = before if isinstance(before, Tensor) else _zeros(rows, self.ahead)
        if isinstance(waiting, Tensor) and waiting.shape[1]:
            rows = torch.cat([waiting, rows], dim=1)
        begin, end = past.shape[1], past.shape[1] + x.shape[-1]
        ready = end + (self.ahead if last else 0) - 2 * self.ahead
        ready = max(0, ready if last else ready // self.together * self.together)
        behind = (self.ahead + -ready % self.together) if last else 0
        buffer = rows.new_empty(len(rows), end + behind, rows.shape[2])
        buffer[:, :begin] = past
        self.snake1.write(x.mT, buffer[:, begin:end])
        buffer[:, end:] = 0
        y = self._body(buffer, rows[:, :ready]) if ready else rows[:, :0]
        after = (buffer[:, ready:end].clone(), rows[:, ready:].clone())
        return y.mT, after

    def _body(self, activated: Tensor, x: Tensor) -> Tensor:
        """Return x [B, T, C] and what the rest of the unit makes of the activated rows."""
        ready = x.shape[1]
        whole = ready + -ready % self.together
        activated = activated[:, : whole + 2 * self.ahead]
        y = self._wide(activated)[:, :ready]
        self.snake2.write(y, y)
        if not wants_exact(x) or x.shape[2] % COLUMNS:
            return x + self.conv2.convolve(y.mT).mT
        pack(self.conv2.weight, CONVOLUTION)
        matrix = self.conv2.weight[:, :, 0].T
        spare = -ready % ROWS
        if spare:
            x, y = (torch.nn.functional.pad(part, (0, 0, 0, spare)) for part in (x, y))
        assert self.conv2.bias is not None
        sums = x + self.conv2.bias
        for row, into in zip(y, sums, strict=True):
            into.addmm_(row, matrix)
        return sums[:, :ready]

    def _wide(self, rows: Tensor) -> Tensor:
        """Return the wide convolution of rows [B, T + 2 ahead, C], as [B, T, C]."""
        conv = self.conv1
        if not wants_exact(rows) or (conv.groups == 1 and not self.in_pairs):
            return conv.convolve(rows.mT).mT
        assert conv.bias is not None
        pack(conv.weight, CONVOLUTION)
        if self.in_pairs:
            taps = conv.weight.permute(CONVOLUTION)
            parts = [correlate_pairs(row, taps, conv.bias, dilation=self.dilation) for row in rows]
            return parts[0][None] if len(parts) == 1 else torch.stack(parts)
        return _depthwise(rows, conv.weight.permute(CONVOLUTION)[:, 0], conv.bias, self.dilation)


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
