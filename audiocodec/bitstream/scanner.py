"""From a stream to its good chunks and trailer, across whatever damage lies between them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from audiocodec.errors import Corrupt, FormatError

from .chunks import MAX_CHUNK_HEAD, Chunk, ChunkHead, layers_of, read_chunk_head, scale_bytes
from .header import Header
from .records import (
    CHUNK,
    CRC_BYTES,
    KNOWN_KINDS,
    SYNC,
    TRAILER,
    Extent,
    Trailer,
    check_crc,
    check_stretch,
    find_extent,
    parse_trailer,
)
from .varint import Cursor
from .window import Forged, Window


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that were skipped, and what was wrong with the first of them."""

    error: FormatError


def scan(
    window: Window, header: Header, next_frame: int, levels: int
) -> Iterator[Chunk | Trailer | Damage]:
    """Yield what follows, in order; each run of damaged bytes once, before what comes after it.

    Ends after the trailer, or where the bytes end. `next_frame` is the first number that a chunk
    may begin at. Of each chunk, only the layers that hold the first `levels` levels are read; if
    one of these but the first is damaged, the chunk comes with fewer levels, behind its damage.
    Raises Corrupt only for a file forged to take endless time.
    """
    while window.has(1):
        try:
            record = _read_record(window, header, next_frame, levels)
        except Forged:
            raise
        except FormatError as error:
            # The error's frames refer to this place, so find the next good one before telling.
            _resynchronize(window, header, next_frame)
            yield Damage(error)
            continue
        if record.damage is not None:
            # A missing byte would shift the end, so do not trust it: look for what comes next.
            window.skip(record.good_bytes - 1)
            _resynchronize(window, header, record.next_frame(next_frame))
            yield Damage(record.damage)
        else:
            window.leave(record.extent.size)
        next_frame = record.next_frame(next_frame)
        if record.found is not None:
            yield record.found
        if isinstance(record.found, Trailer):
            yield from _check_end(window, record.extent)
            return


@dataclass(frozen=True, slots=True)
class _Record:
    """A record whose first checksum is right.

    found: None stands for a record that is to be skipped. good_bytes: as far as it was checked.
    damage: what is wrong with the rest.
    """

    extent: Extent
    found: Chunk | Trailer | None
    good_bytes: int
    damage: FormatError | None = None

    def next_frame(self, before: int) -> int:
        """Return the first number that the next chunk may begin at."""
        return self.found.head.end_frame if isinstance(self.found, Chunk) else before


def _read_record(window: Window, header: Header, next_frame: int, levels: int) -> _Record:
    """Return the good record that begins here."""
    extent = find_extent(window)
    if extent.kind == CHUNK:
        return _read_chunk(window, extent, header, next_frame, levels)
    check_crc(window, extent)
    found = None
    if extent.kind == TRAILER:
        found = parse_trailer(bytes(window.bytes[extent.body_start : extent.body_end]))
    return _Record(extent, found, extent.size)


def _read_chunk(
    window: Window, extent: Extent, header: Header, next_frame: int, levels: int
) -> _Record:
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
    scales = cursor.position + scale_bytes(header, head.frames)
    start, place, layers = 0, scales, list[bytes]()
    damage: FormatError | None = None
    kept = 0
    for numbers, size in zip(layers_of(header, head.levels), head.sizes, strict=True):
        if numbers.start >= levels:
            break
        try:
            check_stretch(window, start, place + size)
        except FormatError as error:
            if not layers or isinstance(error, Forged):
                raise
            damage = _lost_levels(error, head, kept)
            break
        layers.append(bytes(window.bytes[place : place + size]))
        kept = numbers.stop
        start = place = place + size + CRC_BYTES
    found = replace(head, levels=kept, sizes=head.sizes[: len(layers)])
    scale = bytes(window.bytes[cursor.position : scales])
    return _Record(extent, Chunk(found, tuple(layers), scale), start, damage)


def _lost_levels(error: FormatError, head: ChunkHead, kept: int) -> FormatError:
    return type(error)(
        f"levels {kept + 1} to {head.levels} of frames {head.first_frame} to "
        f"{head.end_frame - 1} are lost: {error}"
    )


def _resynchronize(window: Window, header: Header, next_frame: int) -> None:
    """Move on to the next good record of a known kind, or to the end."""
    window.skip(1)
    while window.skip_to(SYNC):
        if window.has(2) and window.bytes[1] in KNOWN_KINDS:
            try:
                _read_record(window, header, next_frame, levels=1)
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
