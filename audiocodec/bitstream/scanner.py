"""From a stream to its good chunks and trailer, across whatever damage lies between them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from audiocodec.errors import Corrupt, FormatError

from .header import Header
from .records import (
    CHUNK,
    CRC_BYTES,
    KNOWN_KINDS,
    MAX_CHUNK_HEAD,
    SYNC,
    TRAILER,
    ChunkHead,
    Extent,
    Trailer,
    check_crc,
    find_extent,
    parse_trailer,
    read_chunk_head,
)
from .varint import Cursor
from .window import Forged, Window


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk whose checksum is right; its payload is still packed."""

    head: ChunkHead
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that were skipped, and what was wrong with the first of them."""

    error: FormatError


def scan(window: Window, header: Header, next_frame: int) -> Iterator[Chunk | Trailer | Damage]:
    """Yield what follows, in order; each run of damaged bytes once, before what comes after it.

    Ends after the trailer, or where the bytes end. `next_frame` is the first number that a chunk
    may begin at. Raises Corrupt only for a file forged to take endless time.
    """
    while window.has(1):
        try:
            extent, found = _read_record(window, header, next_frame)
        except Forged:
            raise
        except FormatError as error:
            # The error's frames refer to this place, so find the next good one before telling.
            _resynchronize(window, header, next_frame)
            yield Damage(error)
            continue
        window.skip(extent.size)
        if isinstance(found, Chunk):
            next_frame = found.head.end_frame
        if found is not None:
            yield found
        if isinstance(found, Trailer):
            yield from _check_end(window, extent)
            return


def _read_record(
    window: Window, header: Header, next_frame: int
) -> tuple[Extent, Chunk | Trailer | None]:
    """Return the good record that begins here; None stands for one that is to be skipped."""
    extent = find_extent(window)
    if extent.kind == CHUNK:
        # Before the checksum: it is cheap, and without it a false marker makes a reader of a
        # live stream wait for as many bytes as it claims.
        window.has(min(extent.body_start + MAX_CHUNK_HEAD, extent.body_end))
        cursor = Cursor(window.bytes, extent.body_start)
        head = read_chunk_head(cursor, extent.body_end, header)
        if head.first_frame < next_frame:
            raise Corrupt(
                f"the chunk at byte {window.position} begins at frame {head.first_frame}; "
                f"expected {next_frame} or later"
            )
        check_crc(window, extent)
        return extent, Chunk(head, bytes(window.bytes[cursor.position : extent.body_end]))
    check_crc(window, extent)
    if extent.kind == TRAILER:
        return extent, parse_trailer(bytes(window.bytes[extent.body_start : extent.body_end]))
    return extent, None


def _resynchronize(window: Window, header: Header, next_frame: int) -> None:
    """Move on to the next good record of a known kind, or to the end."""
    window.skip(1)
    while window.skip_to(SYNC):
        if window.has(2) and window.bytes[1] in KNOWN_KINDS:
            try:
                _read_record(window, header, next_frame)
            except Forged:
                raise
            except FormatError:
                pass  # a false marker
            else:
                return
        window.skip(1)


def _check_end(window: Window, trailer: Extent) -> Iterator[Damage]:
    if not window.has(CRC_BYTES):
        yield Damage(Corrupt("the file ends before its footer"))
        return
    (size,) = struct.unpack_from("<I", window.bytes)
    if size != trailer.size:
        yield Damage(Corrupt(f"the footer says {size}; expected {trailer.size}"))
    window.skip(CRC_BYTES)
    if window.has(1):
        yield Damage(
            Corrupt(
                f"bytes follow the end of the codes, at byte {window.position}; they are not read"
            )
        )
