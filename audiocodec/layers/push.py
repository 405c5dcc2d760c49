"""Layers that may look ahead: they take pieces of any length, and give what is complete.

A layer of this kind is called as `y, state = layer(x, state, last)`. It holds columns back until
it has heard all that an output needs, so y may be shorter than x or empty; with the last piece
comes the rest. Over any pieces the outputs together are those of the whole signal at once, and
on a CPU equal to the last bit, since the products are those of layers/exact.py. So networks that
are not causal stream without computing anything twice.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .causal import convolve_transposed
from .exact import conv1d_exact, depthwise_exact, wants_exact
from .spread import spread
from .state import Carry, State
from .time_major import CONVOLUTION, TRANSPOSED, correlate, correlate_transposed, join, pack

_HOPS_TRIED = 64


class PushLayer(nn.Module):
    """What the layers of this kind have in common: how they are called."""

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        raise NotImplementedError

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (what of y is complete, state after x)."""
        raise NotImplementedError


class PushConv1d(PushLayer):
    """Convolution of a signal that is padded by `left` and `right` columns.

    padding: "zeros", or "reflect": the padding mirrors the signal, without repeating its first
        and last column; silence is put behind a signal too short for that, as EnCodec does.
        Or "replicate": it repeats them.
    fill: pad the end further, so that the last column is in some output even where the length is
        no multiple of the stride (EnCodec's and Mimi's "extra padding").
    time_major: keep the signal column by column in memory (see layers/time_major.py), which is
        quicker where all layers do.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        left: int = 0,
        right: int = 0,
        padding: str = "zeros",
        fill: bool = False,
        bias: bool = True,
        time_major: bool = False,
    ) -> None:
        super().__init__()
        self.time_major = time_major and groups == 1
        self.stride, self.dilation, self.groups = stride, dilation, groups
        self.left, self.right, self.padding, self.fill = left, right, padding, fill
        self.reach = (kernel - 1) * dilation + 1
        self.depthwise = groups == in_channels == out_channels and groups > 1
        # Enough of the end for a mirror image of it.
        self.spare = {"zeros": 0, "replicate": 1, "reflect": right + stride}[padding]
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, kernel))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        if not self._begun(seen):
            return 0
        return max(0, (self.left + seen - self.reach) // self.stride + 1)

    @property
    def lookahead(self) -> int:
        """Columns of the input after the one below an output's left edge that the output needs."""
        return self.reach - self.left - 1

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y of x [B, in, T] as far as it is complete, state after x)."""
        before = state if isinstance(state, Carry) else Carry(x[..., :0], 0)
        columns = self.arrive(before.columns, x)
        seen = before.seen + x.shape[-1]
        done = self.given(before.seen)
        if not self._begun(before.seen):
            if not (self._begun(seen) or last):
                return self.convolve(columns[..., :0]), Carry(columns, seen)
            columns = self._pad_left(columns, seen)
        end = 0
        if last:
            end = self._columns_behind(seen)
            columns = self._pad_right(columns, seen, end)
        begin = done * self.stride - (self.left + seen + end - columns.shape[-1])
        y = self.convolve(columns[..., begin:])
        kept = columns.shape[-1] - begin - y.shape[-1] * self.stride + self.spare
        kept = min(columns.shape[-1], max(kept, 0))
        return y, Carry(columns[..., columns.shape[-1] - kept :].clone(), seen)

    def arrive(self, before: Tensor, x: Tensor) -> Tensor:
        """Return a new piece behind what is kept of those before it."""
        return joined([before, x], self.time_major)

    def convolve(self, columns: Tensor) -> Tensor:
        """Return all outputs that columns [B, in, n] hold whole."""
        outputs = max(0, (columns.shape[-1] - self.reach) // self.stride + 1)
        if outputs == 0:
            return columns.new_zeros(len(columns), len(self.weight), 0)
        columns = columns[..., : (outputs - 1) * self.stride + self.reach]
        if not wants_exact(columns):
            return functional.conv1d(
                columns, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
            )
        if self.time_major:
            pack(self.weight, CONVOLUTION)
            return correlate(
                columns, self.weight, self.bias, stride=self.stride, dilation=self.dilation
            )
        if self.depthwise and self.stride == 1:
            return depthwise_exact(columns, self.weight, self.bias, dilation=self.dilation)
        return conv1d_exact(
            columns,
            self.weight,
            self.bias,
            stride=self.stride,
            dilation=self.dilation,
            groups=self.groups,
        )

    def _begun(self, seen: int) -> bool:
        """Tell whether enough was heard to pad the beginning."""
        return seen > (self.left if self.padding == "reflect" else 0)

    def _columns_behind(self, seen: int) -> int:
        """Return how many columns are put behind a signal of `seen` columns."""
        if not self.fill or seen == 0:
            return self.right
        over = seen + self.left + self.right - self.reach
        return self.right + (-over % self.stride if over > 0 else -over)

    def _pad_left(self, columns: Tensor, seen: int) -> Tensor:
        if self.padding == "zeros" or seen == 0:
            return functional.pad(columns, (self.left, 0))
        if self.padding == "replicate":
            return functional.pad(columns, (self.left, 0), mode="replicate")
        short = max(0, self.left + 1 - seen)
        return functional.pad(functional.pad(columns, (0, short)), (self.left, 0), mode="reflect")[
            ..., : self.left + columns.shape[-1]
        ]

    def _pad_right(self, columns: Tensor, seen: int, end: int) -> Tensor:
        if self.padding == "zeros" or end == 0 or seen == 0:
            return functional.pad(columns, (0, end))
        if self.padding == "replicate":
            return functional.pad(columns, (0, end), mode="replicate")
        short = max(0, max(self.left, end) + 1 - seen)
        longer = functional.pad(columns, (0, short))
        mirrored = functional.pad(longer, (0, end), mode="reflect")
        return mirrored[..., : columns.shape[-1] + end]


class PushConvTranspose1d(PushLayer):
    """Transposed convolution whose output loses `left` samples in front and `right` at the end.

    The kernel is a multiple of the stride; `extra` columns of bias follow the full output before
    it is cut (torch's output_padding).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int,
        groups: int = 1,
        left: int = 0,
        right: int = 0,
        extra: int = 0,
        bias: bool = True,
        time_major: bool = False,
    ) -> None:
        super().__init__()
        self.time_major = time_major and groups == 1
        if kernel % stride:
            raise ValueError(f"kernel {kernel} is no multiple of stride {stride}")
        self.stride, self.groups = stride, groups
        self.left, self.right, self.extra = left, right, extra
        self.past = kernel // stride - 1
        self.depthwise = groups == in_channels == out_channels and groups > 1
        if right - extra > self.past * stride:
            raise ValueError(f"{right} samples cut off the end are more than a column's tail")
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels // groups, kernel))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return max(0, seen * self.stride - self.left)

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y of x [B, in, T] as far as it is complete, state after x)."""
        before = state if isinstance(state, Carry) else None
        past = x.new_zeros(*x.shape[:-1], self.past) if before is None else before.columns
        seen = 0 if before is None else before.seen
        # Where all of a column's tail is cut off, none is computed.
        cut = self.right - self.extra == self.past * self.stride
        tail = self.past if last and seen + x.shape[-1] and not cut else 0
        columns = self.arrive(past, x)
        if tail:
            columns = joined([columns, x.new_zeros(*x.shape[:-1], tail)], self.time_major)
        after = columns[..., columns.shape[-1] - self.past :].clone()
        y = self.convolve(columns)
        if tail:
            if self.extra:
                bias = self.bias if self.bias is not None else y.new_zeros(y.shape[1])
                y = torch.cat([y, bias[None, :, None].expand(len(y), -1, self.extra)], dim=-1)
            y = y[..., : y.shape[-1] - self.right]
        skipped = max(0, self.left - seen * self.stride)
        return y[..., skipped:], Carry(after, seen + x.shape[-1])

    def arrive(self, before: Tensor, x: Tensor) -> Tensor:
        """Return a new piece behind what is kept of those before it."""
        return joined([before, x], self.time_major)

    def convolve(self, columns: Tensor) -> Tensor:
        """Return the samples that no column after columns [B, in, past + T] changes."""
        if self.depthwise and wants_exact(columns):
            return spread(columns, self.weight, self.bias, stride=self.stride)
        if self.time_major and wants_exact(columns):
            pack(self.weight, TRANSPOSED)
            return correlate_transposed(columns, self.weight, self.bias, stride=self.stride)
        return convolve_transposed(columns, self.weight, self.bias, self.stride, self.groups)


def joined(parts: list[Tensor], time_major: bool) -> Tensor:
    """Return signals one after the other."""
    parts = [part for part in parts if part.shape[-1]] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    return join(parts) if time_major else torch.cat(parts, dim=-1)


class Pointwise(PushLayer):
    """A layer that treats every column by itself: `compute` maps [B, C, T] to [B, C', T]."""

    def compute(self, x: Tensor) -> Tensor:
        """Return y for x."""
        raise NotImplementedError

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return seen

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y, an empty state)."""
        return self.compute(x), ()


class PushChain(PushLayer):
    """Layers one after the other; the state is the tuple of theirs.

    tiled, tile_columns: those of the layers that take only so many columns at a time, one tile
        through all of them before the next, so that what lies between them stays in the cache.
    """

    def __init__(
        self,
        layers: Iterable[PushLayer],
        *,
        tiled: range = range(0),
        tile_columns: int = 1,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.tiled, self.tile_columns = tiled, tile_columns

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        for layer in self.layers:
            assert isinstance(layer, PushLayer)
            seen = layer.given(seen)
        return seen

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (what of y is complete, state after x)."""
        states: list[State] = [None] * len(self.layers)
        if isinstance(state, tuple):
            states = list(state)
        x = self._pass(range(self.tiled.start), x, states, last)
        if not self.tiled or x.shape[-1] <= self.tile_columns:
            x = self._pass(self.tiled, x, states, last)
        else:
            tiles = torch.split(x, self.tile_columns, dim=-1)
            ends = [False] * (len(tiles) - 1) + [last]
            done = [
                self._pass(self.tiled, tile, states, end)
                for tile, end in zip(tiles, ends, strict=True)
            ]
            x = joined(done, time_major=True)
        x = self._pass(range(self.tiled.stop, len(self.layers)), x, states, last)
        return x, tuple(states)

    def _pass(self, which: range, x: Tensor, states: list[State], last: bool) -> Tensor:
        """Send x through some of the layers; their states are replaced in the list."""
        for index in which:
            x, states[index] = self.layers[index](x, states[index], last)
        return x


class PushResidual(PushLayer):
    """shortcut(x) + body(x), for parts that give outputs of one shape; no shortcut: x itself."""

    def __init__(self, body: PushLayer, shortcut: PushLayer | None = None) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return self.body.given(seen)

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (what of y is complete, state after x)."""
        inner, beside, waiting = state if isinstance(state, tuple) else (None, None, None)
        y, inner = self.body(x, inner, last)
        if self.shortcut is not None:
            x, beside = self.shortcut(x, beside, last)
        if isinstance(waiting, Tensor) and waiting.shape[-1]:
            x = joined([waiting, x], time_major=x.mT.is_contiguous())
        ready = y.shape[-1]
        return x[..., :ready] + y, (inner, beside, x[..., ready:].clone())


def lookahead_samples(encoder: PushLayer, decoder: PushLayer, hop_samples: int) -> int:
    """Return for how many samples beyond a frame's own its sound waits at most.

    A layer that mirrors the beginning of its signal makes the first frames wait longest.
    """
    worst = given = 0
    for frames in range(1, _HOPS_TRIED):
        ready = decoder.given(encoder.given(frames * hop_samples))
        if ready > given:
            worst, given = max(worst, frames * hop_samples - given), ready
    return worst - hop_samples
