"""What entropy coding asks of a model: chances of codes, level by level; format.md, section 9."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .header import Header


class ChunkCoder(Protocol):
    """The levels of one chunk, in order: each call is about the next one.

    Codes are int32 [R, n]: n of them in each row, one for each stride of the level.
    """

    def encode(self, codes: NDArray[np.int32]) -> bytes:
        """Return the level as bytes."""

    def decode(self, data: bytes) -> NDArray[np.int32]:
        """Return the level that `data` holds; any bytes give some codes of the codebook."""

    def take(self, codes: NDArray[np.int32]) -> None:
        """Go on to the level after this one, which was packed."""


class EntropyTables(Protocol):
    """Everything that both sides must know beside the file; it never changes."""

    @property
    def identity(self) -> str:
        """16 hex digits that name these tables, and no others."""

    def begin(self, header: Header, frames: int) -> ChunkCoder:
        """Return a coder for a chunk of `frames` frames, which knows of no other chunk.

        Raises WrongModel when the tables are not for such a grid.
        """
