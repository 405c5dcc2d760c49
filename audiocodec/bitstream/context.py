"""Chances of a level's codes from the levels below and the frames beside, in whole numbers.

A small network for each level, all of whose numbers are whole: products of matrices whose every
partial sum is below 2^24 are exact in float32, whatever the order of summation, so every machine
gets the same chances. format.md, section 9, has the arithmetic step by step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import WrongModel

from .chances import MAX_CODES, MOST_WEIGHT, IntArray, pull_codes, push_codes
from .header import Header
from .range_coder import RangeDecoder, RangeEncoder

FloatArray = NDArray[np.float32]
STEPS = (16, 8, 4, 2, 1)
"""The frames of a chunk are coded in as many passes: multiples of 16, the others of 8, ..."""
HIGHEST = 255
"""Inputs and hidden units go from 0 or -255 to this."""
_EXACT = 1 << 24
_BLOCK = 256  # places whose chances are in memory at once


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """y = clamp((W x + b) >> shift, low, 255): weight [O, I], bias [..., O], shift [O]."""

    weight: FloatArray
    bias: FloatArray
    shift: FloatArray

    def check(self, most: int) -> None:
        """Raise WrongModel unless all sums of inputs up to `most` are exact in float32."""
        arrays = (self.weight, self.bias)
        whole = all(np.array_equal(a, np.rint(a)) for a in (*arrays, self.shift))
        reach = np.abs(self.weight).sum(axis=1) * most + np.abs(self.bias)
        fits = whole and bool((reach < _EXACT).all()) and bool((self.shift >= 0).all())
        if not fits or not (self.shift <= 24).all():
            raise WrongModel("the tables for entropy coding are not exact in float32")

    def finish(self, sums: FloatArray, low: int) -> FloatArray:
        """Return the outputs [n, O] for the sums W x + b, which are changed."""
        sums *= np.exp2(-self.shift)  # powers of two: exact
        np.floor(sums, out=sums)
        return np.clip(sums, low, HIGHEST, out=sums)


@dataclass(frozen=True, slots=True, eq=False)
class LevelNetwork:
    """The network of one level.

    first: [H, I] over all inputs, its bias [len(STEPS), H] one for each pass; the last 2 P inputs
        are the level's own vectors at the neighbours that are known.
    second: [O, H]. scores: [N, O], whose outputs are in 64ths of a power of two.
    """

    first: Layer
    second: Layer
    scores: Layer


@dataclass(frozen=True, slots=True, eq=False)
class ContextTables:
    """The networks of all levels.

    identity: as `EntropyTables`. vectors: whole float32 [K, N, P] in [-255, 255], what each code
    stands for in the levels above it. gains: int64 [K], the scale of these vectors in the sum;
    sum_shift: the sum's inputs are its values divided by 2^sum_shift. powers: int64, the
    chance of a code whose score is so many 64ths below the best. window: frames to either side
    whose sums are inputs. previous: levels below whose own vectors are inputs.
    """

    identity: str
    vectors: FloatArray
    gains: IntArray
    sum_shift: int
    powers: IntArray
    window: int
    previous: int
    levels: tuple[LevelNetwork, ...]

    def __post_init__(self) -> None:
        count, size, dim = self.vectors.shape
        inputs = self.inputs
        whole = np.array_equal(self.vectors, np.rint(self.vectors))
        fits = whole and bool((np.abs(self.vectors) <= HIGHEST).all()) and size <= MAX_CODES
        fits &= bool((np.abs(self.gains) < 1 << 20).all()) and 0 <= self.sum_shift <= 40
        fits &= len(self.powers) > 0 and bool((self.powers >= 0).all())
        fits &= bool((self.powers <= MOST_WEIGHT).all()) and self.powers[0] > 0
        fits &= len(self.levels) == count == len(self.gains)
        for level in self.levels:
            hidden, out = level.first.weight.shape[0], level.second.weight.shape[0]
            fits &= level.first.weight.shape == (hidden, inputs)
            fits &= level.first.bias.shape == (len(STEPS), hidden)
            fits &= level.second.weight.shape == (out, hidden) and level.scores.weight.shape == (
                size,
                out,
            )
            for layer in (level.first, level.second, level.scores):
                layer.check(HIGHEST)
        if not fits:
            raise WrongModel("the tables for entropy coding contradict themselves")

    @property
    def inputs(self) -> int:
        """Number of inputs of a network: sums around, their mean, vectors below, own vectors."""
        return (2 * self.window + 2 + self.previous + 2) * int(self.vectors.shape[2])

    def begin(self, header: Header, frames: int) -> "ContextCoder":
        """Return a coder for a chunk; raises WrongModel unless the grid is that of the tables."""
        count, size, _ = self.vectors.shape
        if header.codebook_sizes != (size,) * count or header.grain_frames > 1:
            raise WrongModel(
                f"the tables {self.identity} are for {count} levels of {size} codes, one a frame; "
                f"the codes are not on such a grid"
            )
        return ContextCoder(self, header.rows, frames)


class ContextCoder:
    """The layers of one chunk, in order; see `ChunkCoder`."""

    def __init__(self, tables: ContextTables, rows: int, frames: int) -> None:
        self._tables = tables
        self._rows, self._frames = rows, frames
        dim = tables.vectors.shape[2]
        self._level = 0
        self._sum = np.zeros((rows, frames, dim), np.int64)
        self._below = [np.zeros((rows, frames, dim), np.float32)] * tables.previous

    def encode(self, levels: Sequence[NDArray[np.int32]]) -> bytes:
        """Return a layer as bytes."""
        encoder = RangeEncoder()
        for codes in levels:
            self._encode_level(encoder, codes)
        return encoder.flush()

    def decode(self, data: bytes, count: int) -> list[NDArray[np.int32]]:
        """Return the first `count` levels of a layer."""
        decoder = RangeDecoder(data)
        return [self._decode_level(decoder) for _ in range(count)]

    def take(self, levels: Sequence[NDArray[np.int32]]) -> None:
        """Go on to the next layer."""
        for codes in levels:
            self._advance(self._vectors_of(codes))

    def _encode_level(self, encoder: RangeEncoder, codes: NDArray[np.int32]) -> None:
        own, base = self._vectors_of(codes), self._base()
        for number, step in enumerate(STEPS):
            frames = _frames_of(step, self._frames)
            chosen = codes[:, frames].reshape(-1)
            sums = self._sums(base, own, frames, number)
            for start in range(0, len(chosen), _BLOCK):
                block = slice(start, start + _BLOCK)
                push_codes(encoder, chosen[block], self._weights(sums[block]))
        self._advance(own)

    def _decode_level(self, decoder: RangeDecoder) -> NDArray[np.int32]:
        codes = np.zeros((self._rows, self._frames), np.int32)
        own, base = np.zeros(self._sum.shape, np.float32), self._base()
        for number, step in enumerate(STEPS):
            frames = _frames_of(step, self._frames)
            sums = self._sums(base, own, frames, number)
            blocks = [
                pull_codes(decoder, self._weights(sums[start : start + _BLOCK]))
                for start in range(0, len(sums), _BLOCK)
            ]
            if blocks:
                codes[:, frames] = np.concatenate(blocks).reshape(self._rows, -1)
                own[:, frames] = self._vectors_of(codes[:, frames])
        self._advance(own)
        return codes

    def _vectors_of(self, codes: NDArray[np.int32]) -> FloatArray:
        found: FloatArray = self._tables.vectors[self._level][codes]
        return found

    def _advance(self, own: FloatArray) -> None:
        gain = self._tables.gains[self._level]
        self._sum += own.astype(np.int64) * gain
        self._below = [own, *self._below][: self._tables.previous]
        self._level += 1

    def _base(self) -> FloatArray:
        """Return the first layer's sums [R, F, H] over all inputs that the levels below give."""
        tables, frames = self._tables, self._frames
        shifted = np.clip(self._sum >> tables.sum_shift, -HIGHEST, HIGHEST)
        mean = shifted.sum(axis=1, keepdims=True) // frames
        reach = tables.window
        around = np.pad(shifted, ((0, 0), (reach, reach), (0, 0)))
        inputs = [around[:, place : place + frames] for place in range(2 * reach + 1)]
        inputs.append(np.broadcast_to(mean, shifted.shape))
        x = np.concatenate([*inputs, *self._below], axis=2, dtype=np.float32)
        first = tables.levels[self._level].first.weight[:, : x.shape[2]]
        return _product(x.reshape(-1, x.shape[2]), first).reshape(*x.shape[:2], -1)

    def _sums(
        self, base: FloatArray, own: FloatArray, frames: NDArray[np.int64], number: int
    ) -> FloatArray:
        """Return the first layer's sums [n, H] for the frames of one pass, row by row."""
        first = self._tables.levels[self._level].first
        dim = own.shape[2]
        sums = base[:, frames]
        for side, neighbours in enumerate(_neighbours(frames, STEPS[number], self._frames)):
            begin = first.weight.shape[1] - (2 - side) * dim
            weight = first.weight[:, begin : begin + dim]
            known = np.flatnonzero(neighbours >= 0)
            if len(known):
                x = own[:, neighbours[known]]
                products = _product(x.reshape(-1, dim), weight)
                sums[:, known] += products.reshape(*x.shape[:2], len(weight))
        biased: FloatArray = sums + first.bias[number]
        return biased.reshape(-1, len(first.weight))

    def _weights(self, sums: FloatArray) -> IntArray:
        """Return the weights [n, N] of all codes, given the first layer's sums."""
        level, powers = self._tables.levels[self._level], self._tables.powers
        hidden = level.first.finish(sums.copy(), low=0)
        middle = _product(hidden, level.second.weight) + level.second.bias
        middle = level.second.finish(middle, low=-HIGHEST)
        scores = _product(middle, level.scores.weight) + level.scores.bias
        scores *= np.exp2(-level.scores.shift)
        scores = np.floor(scores, out=scores).astype(np.int32)
        below = scores.max(axis=1, keepdims=True) - scores
        found: IntArray = powers[np.minimum(below, len(powers) - 1)]
        return found


def _product(x: FloatArray, weight: FloatArray) -> FloatArray:
    result: FloatArray = x @ weight.T
    return result


def _frames_of(step: int, frames: int) -> NDArray[np.int64]:
    """Return the frames of one pass: multiples of `step`, but not of the pass before."""
    if step == STEPS[0]:
        return np.arange(0, frames, step)
    return np.arange(step, frames, 2 * step)


def _neighbours(
    frames: NDArray[np.int64], step: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the frames `step` before and after, -1 where they are not known."""
    if step == STEPS[0]:
        return np.full_like(frames, -1), np.full_like(frames, -1)
    after = frames + step
    return frames - step, np.where(after < count, after, -1)
