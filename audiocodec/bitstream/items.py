"""What a reader finds: packets of codes, and gaps where some are lost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chunks import Chunk
from .header import Header


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """The codes of one chunk: int32 [R, K, F], the first of them of frame `first_frame`.

    A level with a stride has each of its codes for so many frames. scales: float32 [R, S], one
    for each segment that begins in these frames; None where the header knows of none.
    """

    first_frame: int
    indices: NDArray[np.int32]
    scales: NDArray[np.float32] | None = None

    @property
    def end_frame(self) -> int:
        """Number of the frame behind the last one."""
        return self.first_frame + int(self.indices.shape[2])

    @property
    def levels(self) -> int:
        """Number of levels that are present."""
        return int(self.indices.shape[1])

    def reaches(self, frame: int) -> bool:
        """Return whether `frame` or a later one is in here."""
        return self.end_frame > frame


@dataclass(frozen=True, slots=True, eq=False)
class CodedPacket:
    """One chunk of a file with this header that is still entropy coded: to be copied."""

    chunk: Chunk
    header: Header

    @property
    def first_frame(self) -> int:
        """Number of the first frame."""
        return self.chunk.head.first_frame

    @property
    def end_frame(self) -> int:
        """Number of the frame behind the last one."""
        return self.chunk.head.end_frame

    @property
    def levels(self) -> int:
        """Number of levels that are present."""
        return self.chunk.head.levels

    def reaches(self, frame: int) -> bool:
        """Return whether `frame` or a later one is in here."""
        return self.end_frame > frame


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames that are lost, and why; 0 frames when the damage took none, or nobody knows.

    Damage that took only higher levels is a gap of 0 frames before a packet without them.
    """

    first_frame: int
    frames: int
    reason: str

    @property
    def end_frame(self) -> int:
        """Number of the frame behind the last one."""
        return self.first_frame + self.frames

    def reaches(self, frame: int) -> bool:
        """Return whether `frame` or a later one is lost, or damage was found there."""
        return self.end_frame > frame or self.first_frame >= frame
