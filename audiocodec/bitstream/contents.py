"""What a `.codes` file holds, without keeping its codes: for `codec info` and `codec verify`."""

from dataclasses import dataclass
from typing import BinaryIO

from .header import Header
from .items import Gap, Packet
from .reader import Reader


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole file in numbers.

    levels: most levels that any chunk holds; 0 without chunks.
    frames: from the beginning to the end, lost ones counted.
    source_samples: length of the source at its own rate.
    file_bytes: size of the file up to its end mark.
    gaps: what is damaged or lost, in order.
    has_trailer: False when the file is live or was cut off.
    """

    header: Header
    chunks: int
    levels: int
    frames: int
    source_samples: int
    file_bytes: int
    gaps: tuple[Gap, ...]
    has_trailer: bool

    @property
    def duration_s(self) -> float:
        """Length of the source in seconds."""
        return self.source_samples / self.header.source_sample_rate_hz


def summary(file: BinaryIO) -> Summary:
    """Read `file` to its end and return what it holds.

    Raises what `Reader` raises when there is no usable header; damage is in `gaps`.
    """
    reader = Reader(file)
    chunks = levels = 0
    gaps = []
    for item in reader:
        match item:
            case Packet():
                chunks += 1
                levels = max(levels, item.indices.shape[1])
            case Gap():
                gaps.append(item)
    return Summary(
        header=reader.header,
        chunks=chunks,
        levels=levels,
        frames=reader.frames,
        source_samples=reader.source_samples,
        file_bytes=reader.bytes_read,
        gaps=tuple(gaps),
        has_trailer=reader.has_trailer,
    )
