"""Causal self-attention with a sliding window, in pieces: transformer layers whose state is a cache.

Signals are [B, C, T], channels first, as everywhere. Over any pieces the outputs together are
those of the whole signal at once, and on a CPU equal to the last bit: products are those of
layers/exact.py, and sums over keys go over blocks of KEYS positions that begin at multiples of
KEYS since the signal's beginning, whatever the piece. A block that a query does not see adds
exact zeros, so it may be there or not.

Sources: "Attention Is All You Need" (arXiv 1706.03762), rotary positions (arXiv 2104.09864),
layer scale (arXiv 2103.17239).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .exact import COLUMNS, ROWS, wants_exact
from .push import PushConv1d, PushLayer
from .state import Carry, State

KEYS = 128
"""Positions a block of keys; fewer than the terms that a float32 product adds up in one run."""


@dataclass(frozen=True, slots=True)
class TransformerShape:
    """What a transformer's layers have in common.

    channels: of the signal. heads, head_channels: of the attention. feedforward: hidden channels.
    window: positions that one sees, itself among them. rotary_base: the slowest rotation takes
    about 2 pi times that many positions. epsilon: of the normalisations.
    """

    channels: int
    heads: int
    head_channels: int
    feedforward: int
    window: int
    rotary_base: float = 10_000.0
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no transformer."""
        sizes = (self.channels, self.heads, self.head_channels, self.feedforward, self.window)
        if min(sizes) < 1 or self.head_channels % 2:
            raise ValueError(f"positive sizes and an even head_channels expected, not {self}")
        if not self.rotary_base > 1 or not self.epsilon > 0:
            raise ValueError(f"rotary_base over 1 and epsilon over 0 expected, not {self}")


@dataclass(frozen=True, slots=True)
class View:
    """What queries at some positions see; the same in every layer.

    bias: [keys, queries], 0 where a key is seen and minus infinity elsewhere.
    cosines, sines: [head_channels / 2, queries], of the rotations.
    """

    bias: Tensor
    cosines: Tensor
    sines: Tensor


class ChannelNorm(nn.Module):
    """Normalisation of every column over its channels, then a weight and a bias a channel."""

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return y [B, C, T] for x."""
        if not wants_exact(x):
            columns = functional.layer_norm(
                x.transpose(1, 2), self.weight.shape, self.weight, self.bias, self.epsilon
            )
            return columns.transpose(1, 2)
        # torch adds up in an order that depends on the number of columns; products do not.
        averages = x.new_full((1, ROWS, x.shape[1]), 1 / x.shape[1]).expand(len(x), -1, -1)
        centred = x - torch.bmm(averages, x)[:, :1]
        variance = torch.bmm(averages, centred.square())[:, :1]
        centred /= variance.add_(self.epsilon).sqrt_()
        centred *= self.weight[:, None]
        return centred.add_(self.bias[:, None])


class Attention(nn.Module):
    """Self-attention of `heads` heads with rotary positions, over a sliding window of the past.

    The first half of a head's channels is rotated with the second (not even ones with odd ones).
    """

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.shape = shape
        inner = shape.heads * shape.head_channels
        self.inputs = PushConv1d(shape.channels, 3 * inner, kernel=1, bias=False)
        self.output = PushConv1d(inner, shape.channels, kernel=1, bias=False)

    def forward(self, x: Tensor, columns: int, past: Tensor, view: View) -> tuple[Tensor, Tensor]:
        """Return (y [B, C, T], keys and values of the past and of these columns).

        x: [B, C, T], of which the first `columns` belong to the signal, T a multiple of 16.
        past: rotated keys, then values, [B, 2 heads head_channels, P], from the block on that the
            first query sees.
        """
        batch, _, total = x.shape
        heads, width = self.shape.heads, self.shape.head_channels
        projected = self.inputs.convolve(x).reshape(batch, 3, heads, 2, width // 2, total)
        queries, keys = (_rotated(projected[:, i], view) for i in (0, 1))
        values = projected[:, 2].reshape(batch, -1, total)
        new = torch.cat([keys.reshape(batch, -1, total), values], dim=1)[..., :columns]
        seen = torch.cat([past, new], dim=-1)
        queries = queries.reshape(batch * heads, width, total) * width**-0.5
        attended = self._attend(queries, seen, view.bias)
        return self.output.convolve(attended.reshape(batch, heads * width, total)), seen

    def _attend(self, queries: Tensor, seen: Tensor, bias: Tensor) -> Tensor:
        """Return the means of values, [B heads, width, T], that the queries ask for."""
        width, many = self.shape.head_channels, len(queries)
        filled = functional.pad(seen, (0, len(bias) - seen.shape[-1]))
        keys, values = filled.reshape(len(seen), 2, -1, len(bias)).unbind(1)
        keys, values = (part.reshape(many, width, len(bias)) for part in (keys, values))
        scores = torch.bmm(keys.transpose(1, 2), queries).add_(bias)
        weights = scores.sub_(scores.amax(dim=1, keepdim=True)).exp_()
        # Rows of ones below the values, so that the same products give the sums of the weights.
        spare = -width % ROWS or ROWS
        ones = values.new_ones(many, spare, len(bias))
        values = torch.cat([values, ones], dim=1)
        sums = queries.new_zeros(many, width + spare, queries.shape[-1])
        for begin in range(0, len(bias), KEYS):
            block = slice(begin, begin + KEYS)
            sums = torch.baddbmm(sums, values[..., block], weights[:, block])
        return sums[:, :width] / sums[:, width : width + 1]


def _rotated(x: Tensor, view: View) -> Tensor:
    """Return x [B, heads, 2, width / 2, T] with its halves rotated into each other."""
    first, second = x.unbind(2)
    cosines, sines = view.cosines, view.sines
    return torch.stack([first * cosines - second * sines, second * cosines + first * sines], dim=2)


class TransformerLayer(nn.Module):
    """x + scale attention(norm(x)), then x + scale feedforward(norm(x)), with GELU inside."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        channels = shape.channels
        self.attention_norm = ChannelNorm(channels, shape.epsilon)
        self.attention = Attention(shape)
        self.attention_scale = nn.Parameter(torch.ones(channels))
        self.feedforward_norm = ChannelNorm(channels, shape.epsilon)
        self.widen = PushConv1d(channels, shape.feedforward, kernel=1, bias=False)
        self.narrow = PushConv1d(shape.feedforward, channels, kernel=1, bias=False)
        self.feedforward_scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor, columns: int, past: Tensor, view: View) -> tuple[Tensor, Tensor]:
        """Return (y, keys and values), as `Attention` does."""
        y, seen = self.attention(self.attention_norm(x), columns, past, view)
        x = x + self.attention_scale[:, None] * y
        y = _gelu(self.widen.convolve(self.feedforward_norm(x)))
        return x + self.feedforward_scale[:, None] * self.narrow.convolve(y), seen


def _gelu(x: Tensor) -> Tensor:
    if not wants_exact(x):
        return functional.gelu(x)
    # torch's gelu takes other code for the last elements of every thread's share; erf does not.
    return torch.erf(x * 0.5**0.5).add_(1).mul_(x).mul_(0.5)


class CausalTransformer(PushLayer):
    """Transformer layers over a signal; no column waits for a later one.

    The state is a carry for every layer: keys and values of the positions that are still seen.
    """

    def __init__(self, shape: TransformerShape, *, layers: int) -> None:
        super().__init__()
        self.shape = shape
        self.layers = nn.ModuleList(TransformerLayer(shape) for _ in range(layers))

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return seen

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y for all of x [B, C, T], state after x)."""
        empty = x.new_zeros(len(x), 2 * self.shape.heads * self.shape.head_channels, 0)
        carries = state if isinstance(state, tuple) else (Carry(empty, 0),) * len(self.layers)
        pieces = [x[..., :0]]
        begin = 0
        while begin < x.shape[-1]:
            # Up to where a block of keys ends: that bounds memory, and fills the products up.
            room = KEYS - _seen(carries) % KEYS
            y, carries = self._advance(x[..., begin : begin + room], carries)
            pieces.append(y)
            begin += room
        return torch.cat(pieces, dim=-1) if len(pieces) != 2 else pieces[1], carries

    def _advance(self, x: Tensor, carries: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Return (y, states) for a piece that ends in the block of keys in which it begins."""
        columns, seen = x.shape[-1], _seen(carries)
        x = functional.pad(x, (0, -columns % COLUMNS))
        view = self._view(seen, columns, x)
        after = seen + columns
        gone = self._first_block(after) - self._first_block(seen)
        left: list[State] = []
        for layer, carry in zip(self.layers, carries, strict=True):
            assert isinstance(carry, Carry)
            x, cache = layer(x, columns, carry.columns, view)
            left.append(Carry(cache[..., gone:], after))
        return x[..., :columns], tuple(left)

    def _first_block(self, position: int) -> int:
        """Return where the first block of keys begins that a query at `position` sees."""
        return max(0, position - self.shape.window + 1) // KEYS * KEYS

    def _view(self, seen: int, columns: int, x: Tensor) -> View:
        """Return what queries for x [B, C, T] see; those beyond `columns` repeat the last one."""
        begin, device = self._first_block(seen), x.device
        end = -(-(seen + columns) // KEYS) * KEYS
        queries = torch.arange(x.shape[-1], device=device).clamp(max=columns - 1) + seen
        behind = queries - torch.arange(begin, end, device=device)[:, None]
        visible = (behind >= 0) & (behind < self.shape.window)
        bias = x.new_zeros(visible.shape).masked_fill_(~visible, -math.inf)
        # In double precision, so that hours into a stream the angles are still right.
        rates = torch.arange(0, self.shape.head_channels, 2, dtype=torch.float64)
        frequencies = self.shape.rotary_base ** -(rates / self.shape.head_channels)
        angles = frequencies[:, None] * queries.cpu().double()
        return View(bias, angles.cos().to(x), angles.sin().to(x))


def _seen(carries: tuple[State, ...]) -> int:
    """Return how many columns went through the layers so far."""
    return next((carry.seen for carry in carries if isinstance(carry, Carry)), 0)
