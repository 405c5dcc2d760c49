"""The simple model: how often each code of a level was seen, whatever is around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import WrongModel

from .chances import MAX_CODES, MOST_WEIGHT, IntArray, pull_codes, push_codes
from .header import Header
from .range_coder import RangeDecoder, RangeEncoder

_BLOCK = 64  # codes whose chances are in memory at once


@dataclass(frozen=True, slots=True, eq=False)
class StaticTables:
    """identity: as `EntropyTables`. counts: int64 [N] for each level, 0 to 2^16 each, not all 0."""

    identity: str
    counts: tuple[IntArray, ...]

    def __post_init__(self) -> None:
        for counts in self.counts:
            good = counts.ndim == 1 and 1 <= len(counts) <= MAX_CODES and counts.any()
            if not good or counts.min() < 0 or counts.max() > MOST_WEIGHT:
                raise WrongModel("the tables for entropy coding contradict themselves")

    def begin(self, header: Header, frames: int) -> "StaticCoder":
        """Return a coder for a chunk; raises WrongModel unless the codebooks are the tables'."""
        if header.codebook_sizes != tuple(len(counts) for counts in self.counts):
            raise WrongModel(
                f"the tables {self.identity} are for other codebooks than those of the codes"
            )
        return StaticCoder(self, header, frames)


class StaticCoder:
    """The layers of one chunk, in order; see `ChunkCoder`."""

    def __init__(self, tables: StaticTables, header: Header, frames: int) -> None:
        self._tables, self._header, self._frames = tables, header, frames
        self._level = 0

    def encode(self, levels: Sequence[NDArray[np.int32]]) -> bytes:
        """Return a layer as bytes."""
        encoder = RangeEncoder()
        for codes in levels:
            flat = codes.reshape(-1)
            for start in range(0, len(flat), _BLOCK):
                block = flat[start : start + _BLOCK]
                push_codes(encoder, block, self._weights(len(block)))
            self._level += 1
        return encoder.flush()

    def decode(self, data: bytes, count: int) -> list[NDArray[np.int32]]:
        """Return the first `count` levels of a layer."""
        decoder, rows = RangeDecoder(data), self._header.rows
        found = []
        for _ in range(count):
            codes = np.empty(rows * (self._frames // self._header.strides[self._level]), np.int32)
            for start in range(0, len(codes), _BLOCK):
                block = codes[start : start + _BLOCK]
                block[:] = pull_codes(decoder, self._weights(len(block)))
            self._level += 1
            found.append(codes.reshape(rows, -1))
        return found

    def take(self, levels: Sequence[NDArray[np.int32]]) -> None:
        """Go on to the next layer."""
        self._level += len(levels)

    def _weights(self, count: int) -> IntArray:
        counts = self._tables.counts[self._level]
        found: IntArray = np.broadcast_to(counts, (count, len(counts)))
        return found
