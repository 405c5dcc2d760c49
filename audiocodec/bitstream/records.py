"""Records: how everything after the preamble is framed and checked; format.md, sections 5 and 8."""

import struct
from dataclasses import dataclass

from audiocodec.errors import Corrupt, Truncated

from .checksum import crc32c
from .varint import Cursor, varint
from .window import Window

SYNC = 0xD5
CHUNK, HEADER_AGAIN, TRAILER = b"C", b"H", b"T"
KNOWN_KINDS = CHUNK + HEADER_AGAIN + TRAILER
SHORTEST_BODY, LONGEST_BODY = 4, 1 << 20
SHORTEST_RECORD = 11
MAX_FRAME = 1 << 40
CRC_BYTES = 4
_MAX_SAMPLES = 1 << 48


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a record's body lies, counted from the record's first byte, by its unchecked length."""

    kind: bytes
    body_start: int
    body_end: int

    @property
    def size(self) -> int:
        """Bytes of the whole record."""
        return self.body_end + CRC_BYTES


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """Where a chunk begins: bytes counted from the first record."""

    offset: int
    frame: int


@dataclass(frozen=True, slots=True)
class Trailer:
    """What is known only at the end. source_samples: None when it is not known even then."""

    total_frames: int
    source_samples: int | None
    index: tuple[IndexEntry, ...]


def build_record(kind: bytes, body: bytes) -> bytes:
    """Return the record that carries `body`."""
    record = bytes([SYNC]) + kind + varint(len(body)) + body
    return record + struct.pack("<I", crc32c(record))


def find_extent(window: Window) -> Extent:
    """Return the extent of the record that begins here, its crc still unchecked.

    Raises Truncated when too few bytes are left for any record, Corrupt when it is not one.
    """
    if not window.has(SHORTEST_RECORD):
        raise Truncated(f"the file ends in the middle of a record, at byte {window.position}")
    kind = bytes(window.bytes[1:2])
    if window.bytes[0] != SYNC or not b"A" <= kind <= b"Z":
        raise Corrupt(f"byte {window.position} does not begin a record")
    cursor = Cursor(window.bytes, 2)
    length = cursor.varint("length of a record", SHORTEST_BODY, LONGEST_BODY)
    return Extent(kind, cursor.position, cursor.position + length)


def check_crc(window: Window, extent: Extent) -> None:
    """Raise Truncated or Corrupt unless the whole record is there and its crc is right."""
    check_stretch(window, 0, extent.body_end)


def check_stretch(window: Window, start: int, end: int) -> None:
    """Raise Truncated or Corrupt unless the crc at `end` is that of the bytes from `start`."""
    if not window.has(end + CRC_BYTES):
        raise Truncated(f"the file ends in the middle of the record at byte {window.position}")
    window.spend(end + CRC_BYTES - start)
    checked = memoryview(window.bytes)[start:end]
    (expected,) = struct.unpack_from("<I", window.bytes, end)
    actual = crc32c(checked)
    checked.release()  # else the window could not be moved on
    if actual != expected:
        raise Corrupt(
            f"the checksum of the record at byte {window.position} is {actual:08x}; "
            f"expected {expected:08x}"
        )


def build_trailer(trailer: Trailer) -> bytes:
    """Return the record of the trailer, and the footer."""
    samples = 0 if trailer.source_samples is None else trailer.source_samples + 1
    numbers = [trailer.total_frames, samples, len(trailer.index)]
    last = IndexEntry(0, 0)
    for entry in trailer.index:
        numbers += [entry.offset - last.offset, entry.frame - last.frame]
        last = entry
    body = b"".join(map(varint, numbers)).ljust(SHORTEST_BODY, b"\0")
    record = build_record(TRAILER, body)
    return record + struct.pack("<I", len(record))


def parse_trailer(body: bytes) -> Trailer:
    """Return the trailer that `body` holds; raises Corrupt."""
    cursor = Cursor(body)
    total = cursor.varint("total_frames", 0, MAX_FRAME)
    samples = cursor.varint("source_samples", 0, _MAX_SAMPLES + 1)
    count = cursor.varint("entries of the index", 0, cursor.left // 2)
    index, last = [], IndexEntry(0, 0)
    for _ in range(count):
        offset = last.offset + cursor.varint("offset in the index", 1, (1 << 56) - 1)
        frame = last.frame + cursor.varint("frames in the index", 1, MAX_FRAME)
        last = IndexEntry(offset, frame)
        index.append(last)
    return Trailer(total, samples - 1 if samples else None, tuple(index))
