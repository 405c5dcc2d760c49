"""What entropy coding asks of a model: chances of codes, level by level; format.md, section 9."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .header import Header


class ChunkCoder(Protocol):
    """The layers of one chunk, in order: each call is about the next one.

    Codes of a level are int32 [R, n]: n of them in each row, one for each stride of the level.
    """

    def encode(self, levels: Sequence[NDArray[np.int32]]) -> bytes:
        """Return the levels of a layer as bytes."""

    def decode(self, data: bytes, count: int) -> list[NDArray[np.int32]]:
        """Return the first `count` levels of a layer.

        Any bytes give some codes of the codebook. After fewer levels than the layer has, the
        coder cannot go on.
        """

    def take(self, levels: Sequence[NDArray[np.int32]]) -> None:
        """Go on to the layer after this one, which was packed."""


class EntropyTables(Protocol):
    """Everything that both sides must know beside the file; it never changes."""

    @property
    def identity(self) -> str:
        """16 hex digits that name these tables, and no others."""

    def begin(self, header: Header, frames: int) -> ChunkCoder:
        """Return a coder for a chunk of `frames` frames, which knows of no other chunk.

        Raises WrongModel when the tables are not for such a grid.
        """
