"""Chunks: the record that carries codes, in layers with a checksum each; format.md, section 6."""

import struct
from dataclasses import dataclass, replace

import numpy as np

from audiocodec.errors import Corrupt

from .bits import pack, packed_bytes, unpack
from .checksum import crc32c
from .header import MAX_LEVELS, Header
from .header_bytes import ENTROPY
from .records import CHUNK, CRC_BYTES, MAX_FRAME, SYNC
from .varint import Cursor, varint

MAX_CHUNK_FRAMES = 0xFFFF
MAX_CODED_PLACES = 1 << 14
"""Rows times frames that an entropy coded chunk has at most: a model's memory grows with them."""
CODED = 0x80
_WIDEST_SAVING = 24
_FIXED_HEAD = 10
MAX_CHUNK_HEAD = _FIXED_HEAD + 1 + MAX_LEVELS * _WIDEST_SAVING // 8
_BYTES_A_SCALE = 4


@dataclass(frozen=True, slots=True)
class ChunkHead:
    """What a chunk says before its codes.

    sizes: bytes of each layer. coded: whether a layer may be entropy coded; those that are have
    fewer bytes than packed bits take.
    """

    first_frame: int
    frames: int
    levels: int
    sizes: tuple[int, ...]
    coded: bool = False

    @property
    def end_frame(self) -> int:
        """Number of the frame behind the last one."""
        return self.first_frame + self.frames


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk whose checksums are right; its layers are still packed or coded.

    scales: little-endian float32 [R, S], empty where the header knows of none.
    """

    head: ChunkHead
    layers: tuple[bytes, ...]
    scales: bytes = b""


def layers_of(header: Header, levels: int) -> list[range]:
    """Return the levels, counted from 0, of each layer."""
    step = header.layer_levels
    return [range(start, min(start + step, levels)) for start in range(0, levels, step)]


def section_bytes(header: Header, frames: int, level: int) -> int:
    """Return the bytes that one level takes as packed bits."""
    count = header.rows * (frames // header.strides[level])
    return packed_bytes(count, header.bits_per_level[level])


def packed_sizes(header: Header, frames: int, levels: int) -> tuple[int, ...]:
    """Return the bytes that each layer takes as packed bits."""
    return tuple(
        sum(section_bytes(header, frames, level) for level in layer)
        for layer in layers_of(header, levels)
    )


def least_bytes(packed: int) -> int:
    """Return the fewest bytes that entropy coding may need for what takes `packed` bytes.

    It bounds what a forged chunk can ask for by the bytes that it has.
    """
    return -(-packed // 16)


def scale_bytes(header: Header, frames: int) -> int:
    """Return the bytes that the scales of a chunk take."""
    return header.rows * header.segments_of(frames) * _BYTES_A_SCALE


def keep_levels(chunk: Chunk, header: Header, levels: int) -> Chunk | None:
    """Return the chunk with at most so many levels; None if that would divide a coded layer."""
    head = chunk.head
    if levels >= head.levels:
        return chunk
    packed = packed_sizes(header, head.frames, levels)
    before = packed_sizes(header, head.frames, head.levels)
    count = len(packed)
    sizes = list(head.sizes[:count])
    if packed[-1] < before[count - 1]:
        if sizes[-1] < before[count - 1]:
            return None
        sizes[-1] = packed[-1]
    layers = [layer[:size] for layer, size in zip(chunk.layers, sizes, strict=False)]
    coded = tuple(sizes) != packed
    kept = replace(head, levels=levels, sizes=tuple(sizes), coded=coded)
    return Chunk(kept, tuple(layers), chunk.scales)


def build_chunk(header: Header, chunk: Chunk) -> bytes:
    """Return the record of one chunk."""
    layers = list(chunk.layers)
    head = _build_head(header, chunk.head) + chunk.scales
    size = len(head) + sum(map(len, layers)) + CRC_BYTES * (len(layers) - 1)
    layers[0] = bytes([SYNC]) + CHUNK + varint(size) + head + layers[0]
    return b"".join(layer + struct.pack("<I", crc32c(layer)) for layer in layers)


def read_chunk_head(cursor: Cursor, body_end: int, header: Header) -> ChunkHead:
    """Return the head of the chunk whose body begins at `cursor` and ends at `body_end`.

    Leaves the cursor behind the head, at the scales. Raises Corrupt unless head, length and
    `header` agree.
    """
    first_frame = cursor.varint("first_frame", 0, MAX_FRAME - 1)
    frames = cursor.varint("frames", 1, MAX_CHUNK_FRAMES)
    byte = cursor.take(1, "levels")[0]
    coded, levels = bool(byte & CODED), byte & ~CODED
    if not 1 <= levels <= header.levels or (coded and header.coding != ENTROPY):
        raise Corrupt(f"levels of a chunk is {byte}; expected 1 to {header.levels}")
    if first_frame % header.border_frames or frames % header.grain_frames:
        raise Corrupt(
            f"a chunk has frames {first_frame} to {first_frame + frames - 1}, but may begin only "
            f"at multiples of {header.border_frames} and have multiples of {header.grain_frames}"
        )
    sizes = packed_sizes(header, frames, levels)
    if coded:
        if header.rows * frames > MAX_CODED_PLACES:
            raise Corrupt(f"an entropy coded chunk has {header.rows} rows of {frames} frames")
        sizes = _read_savings(cursor, sizes)
    crcs = CRC_BYTES * (len(sizes) - 1)
    expected = scale_bytes(header, frames) + sum(sizes) + crcs
    if expected != (actual := body_end - cursor.position):
        raise Corrupt(f"the payload has {actual} bytes; expected {expected}")
    return ChunkHead(first_frame, frames, levels, sizes, coded)


def _build_head(header: Header, head: ChunkHead) -> bytes:
    numbers = varint(head.first_frame) + varint(head.frames)
    if not head.coded:
        return numbers + bytes([head.levels])
    packed = packed_sizes(header, head.frames, head.levels)
    savings = [most - size for most, size in zip(packed, head.sizes, strict=True)]
    width = max(savings).bit_length()
    packed_savings = pack(np.array(savings, np.int32), width) if width else b""
    return numbers + bytes([CODED | head.levels, width]) + packed_savings


def _read_savings(cursor: Cursor, packed: tuple[int, ...]) -> tuple[int, ...]:
    """Return the layers' sizes from how much smaller than packed bits they are."""
    width = cursor.take(1, "width of savings")[0]
    if width > _WIDEST_SAVING:
        raise Corrupt(f"width of savings is {width}; expected 0 to {_WIDEST_SAVING}")
    data = cursor.take(packed_bytes(len(packed), width), "savings")
    savings = unpack(data, len(packed), width).tolist() if width else [0] * len(packed)
    sizes = tuple(most - saved for most, saved in zip(packed, savings, strict=True))
    for number, (size, most) in enumerate(zip(sizes, packed, strict=True), start=1):
        if size < least_bytes(most):
            raise Corrupt(f"layer {number} has {size} bytes; expected {least_bytes(most)} or more")
    return sizes
