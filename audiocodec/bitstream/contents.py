"""What a `.codes` file holds, without keeping its codes: for `codec info` and `codec verify`."""

from dataclasses import dataclass
from typing import BinaryIO

from .chunks import packed_sizes
from .header import Header
from .items import CodedPacket, Gap
from .reader import Reader


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole file in numbers.

    levels: most levels that any chunk holds; 0 without chunks.
    frames: from the beginning to the end, lost ones counted.
    source_samples: length of the source at its own rate.
    file_bytes: size of the file up to its end mark.
    coded_chunks: how many of them are entropy coded.
    layer_bytes, packed_bytes: what all codes take, and what they would take as packed bits.
    gaps: what is damaged or lost, in order.
    has_trailer: False when the file is live or was cut off.
    """

    header: Header
    chunks: int
    levels: int
    frames: int
    source_samples: int
    file_bytes: int
    coded_chunks: int
    layer_bytes: int
    packed_bytes: int
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
    header, gaps = reader.header, list[Gap]()
    chunks = coded = levels = layer_bytes = packed_bytes = 0
    for item in reader.with_coded():
        if isinstance(item, Gap):
            gaps.append(item)
            continue
        chunks += 1
        levels = max(levels, item.levels)
        packed = sum(packed_sizes(header, item.end_frame - item.first_frame, item.levels))
        packed_bytes += packed
        if isinstance(item, CodedPacket):
            coded += 1
            layer_bytes += sum(item.chunk.head.sizes)
        else:
            layer_bytes += packed
    return Summary(
        header=header,
        chunks=chunks,
        levels=levels,
        frames=reader.frames,
        source_samples=reader.source_samples,
        file_bytes=reader.bytes_read,
        coded_chunks=coded,
        layer_bytes=layer_bytes,
        packed_bytes=packed_bytes,
        gaps=tuple(gaps),
        has_trailer=reader.has_trailer,
    )
