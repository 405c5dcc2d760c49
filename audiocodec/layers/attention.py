"""Causal self-attention over a sliding window, in pieces: the state is a cache of keys and values.

Signals are [B, C, T] outside and [B, T, C] inside, where every column is a row in memory. Over any
pieces the outputs together are those of the whole signal at once, and on a CPU equal to the last
bit: products are those of layers/exact.py, columns are normalised one by one, and sums over keys
go over blocks of KEYS positions that begin at multiples of KEYS since the signal's beginning,
whatever the piece. A block that a query does not see adds exact zeros, so it may be there or not.

Sources: "Attention Is All You Need" (arXiv 1706.03762), rotary positions (arXiv 2104.09864),
layer scale (arXiv 2103.17239).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .exact import COLUMNS, ROWS, wants_exact
from .packed import Packed, pays
from .prepared import Prepared
from .products import multiply
from .push import PushLayer
from .state import Carry, State
from .time_major import pack

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

    @property
    def inner(self) -> int:
        """Channels of all heads together."""
        return self.heads * self.head_channels


@dataclass(frozen=True, slots=True)
class View:
    """What queries at some positions see; the same in every layer.

    bias: [queries, keys], 0 where a key is seen and minus infinity elsewhere.
    cosines, sines: [queries, 1, head_channels / 2], of the rotations.
    """

    bias: Tensor
    cosines: Tensor
    sines: Tensor


class Matrix(nn.Module):
    """Every column of a signal [B, T, C] times a matrix: [B, T, O]; T is a multiple of 4."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, channels))
        self._packed: Prepared[Packed] = Prepared()

    def forward(self, x: Tensor) -> Tensor:
        """Return y for x."""
        out, channels = self.weight.shape
        if pays(x, channels, out):
            packed = self._packed.get(lambda: Packed(self.weight.detach()), self.weight)
            return packed.multiply(x.reshape(-1, channels)).reshape(*x.shape[:-1], out)
        if not wants_exact(x):
            return functional.linear(x, self.weight)
        pack(self.weight, (1, 0))
        matrix = self.weight.T
        if out % COLUMNS:
            matrix = functional.pad(matrix, (0, -out % COLUMNS))
        rows = multiply(x.reshape(-1, channels), matrix)
        return rows[:, :out].reshape(*x.shape[:-1], out)


class Attention(nn.Module):
    """Self-attention of `heads` heads with rotary positions, over a sliding window of the past.

    The first half of a head's channels is rotated with the second (not even ones with odd ones).
    """

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.shape = shape
        self.inputs = Matrix(shape.channels, 3 * shape.inner)
        self.output = Matrix(shape.inner, shape.channels)

    def forward(self, x: Tensor, rows: int, past: Tensor, view: View) -> tuple[Tensor, Tensor]:
        """Return (y [B, T, C], keys and values of the past and of these rows).

        x: [B, T, C], of which the first `rows` belong to the signal, T a multiple of 4.
        past: rotated keys, then values, [B, P, 2, heads, head_channels], from the block on that
            the first query sees.
        """
        batch, total, _ = x.shape
        heads, width = self.shape.heads, self.shape.head_channels
        projected = self.inputs(x).reshape(batch, total, 3, heads, width)
        queries, keys, values = projected.unbind(2)
        queries, keys = _rotated(queries, view) * width**-0.5, _rotated(keys, view)
        new = torch.stack([keys[:, :rows], values[:, :rows]], dim=2)
        seen = torch.cat([past, new], dim=1)
        blank = seen.new_zeros(batch, len(view.bias[0]) - seen.shape[1], 2, heads, width)
        # [2, B heads, T, head_channels]; without a copy for a batch of one.
        rows_of = torch.cat([seen, blank], dim=1).permute(2, 0, 3, 1, 4).flatten(1, 2)
        attended = _attend(queries.transpose(1, 2).flatten(0, 1), rows_of[0], rows_of[1], view.bias)
        attended = attended.reshape(batch, heads, total, width).transpose(1, 2).flatten(2)
        return self.output(attended), seen


def _attend(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Return the means of values [R, keys, D] that queries [R, T, D] ask for, [R, T, D]."""
    width = values.shape[-1]
    scores = torch.baddbmm(bias, queries, keys.transpose(1, 2))
    weights = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    if width % COLUMNS:
        values = functional.pad(values, (0, -width % COLUMNS))
    sums = queries.new_zeros(*weights.shape[:2], values.shape[-1])
    # The sums of the weights by products as well: these have an order that does not change.
    totals = queries.new_zeros(*weights.shape[:2], COLUMNS)
    ones = queries.new_ones(1, KEYS, COLUMNS).expand(len(weights), -1, -1)
    for begin in range(0, len(bias[0]), KEYS):
        block = slice(begin, begin + KEYS)
        sums = torch.baddbmm(sums, weights[..., block], values[:, block])
        totals = torch.baddbmm(totals, weights[..., block], ones)
    return (sums / totals[..., :1])[..., :width]


def _rotated(x: Tensor, view: View) -> Tensor:
    """Return x [B, T, heads, head_channels] with the halves of heads rotated into each other."""
    first, second = x.chunk(2, dim=-1)
    cosines, sines = view.cosines, view.sines
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], dim=-1)


class TransformerLayer(nn.Module):
    """x + scale attention(norm(x)), then x + scale feedforward(norm(x)), with GELU inside."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        channels = shape.channels
        self.attention_norm = nn.LayerNorm(channels, eps=shape.epsilon)
        self.attention = Attention(shape)
        self.attention_scale = nn.Parameter(torch.ones(channels))
        self.feedforward_norm = nn.LayerNorm(channels, eps=shape.epsilon)
        self.widen = Matrix(channels, shape.feedforward)
        self.narrow = Matrix(shape.feedforward, channels)
        self.feedforward_scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor, rows: int, past: Tensor, view: View) -> tuple[Tensor, Tensor]:
        """Return (y, keys and values), as `Attention` does."""
        y, seen = self.attention(self.attention_norm(x), rows, past, view)
        x = x + self.attention_scale * y
        y = self.narrow(_gelu(self.widen(self.feedforward_norm(x))))
        return x + self.feedforward_scale * y, seen


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
        empty = x.new_zeros(len(x), 0, 2, self.shape.heads, self.shape.head_channels)
        carries = state if isinstance(state, tuple) else (Carry(empty, 0),) * len(self.layers)
        rows = x.mT.contiguous()
        pieces, begin = [rows[:, :0]], 0
        while begin < rows.shape[1]:
            # Up to where a block of keys ends: that bounds memory, and fills the products up.
            room = KEYS - _seen(carries) % KEYS
            y, carries = self._advance(rows[:, begin : begin + room], carries)
            pieces.append(y)
            begin += room
        return (torch.cat(pieces, dim=1) if len(pieces) != 2 else pieces[1]).mT, carries

    def _advance(self, x: Tensor, carries: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Return (y, states) for a piece that ends in the block of keys in which it begins."""
        rows, seen = x.shape[1], _seen(carries)
        x = functional.pad(x, (0, 0, 0, -rows % ROWS))
        view = self._view(seen, rows, x)
        after = seen + rows
        gone = self._first_block(after) - self._first_block(seen)
        left: list[State] = []
        for layer, carry in zip(self.layers, carries, strict=True):
            assert isinstance(carry, Carry)
            x, cache = layer(x, rows, carry.columns, view)
            left.append(Carry(cache[:, gone:], after))
        return x[:, :rows], tuple(left)

    def _first_block(self, position: int) -> int:
        """Return where the first block of keys begins that a query at `position` sees."""
        return max(0, position - self.shape.window + 1) // KEYS * KEYS

    def _view(self, seen: int, rows: int, x: Tensor) -> View:
        """Return what queries for x [B, T, C] see; those beyond `rows` repeat the last one."""
        begin, device = self._first_block(seen), x.device
        end = -(-(seen + rows) // KEYS) * KEYS
        queries = torch.arange(x.shape[1], device=device).clamp(max=rows - 1)[:, None] + seen
        behind = queries - torch.arange(begin, end, device=device)
        visible = (behind >= 0) & (behind < self.shape.window)
        bias = x.new_zeros(visible.shape).masked_fill_(~visible, -math.inf)
        # In double precision, so that hours into a stream the angles are still right.
        rates = torch.arange(0, self.shape.head_channels, 2, dtype=torch.float64)
        frequencies = self.shape.rotary_base ** -(rates / self.shape.head_channels)
        angles = (queries.cpu().double() * frequencies)[:, None]
        return View(bias, angles.cos().to(x), angles.sin().to(x))


def _seen(carries: tuple[State, ...]) -> int:
    """Return how many columns went through the layers so far."""
    return next((carry.seen for carry in carries if isinstance(carry, Carry)), 0)
