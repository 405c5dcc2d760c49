"""Reading `.codes` as a stream, in constant memory, with every loss reported."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, cast

from audiocodec.errors import Corrupt, FormatError, Truncated, UnsupportedLevels

from .chunks import Chunk
from .entropy import EntropyTables
from .header import Header
from .items import CodedPacket, Gap, Packet
from .preamble import find_header_again, read_preamble
from .records import (
    LONGEST_BODY,
    TRAILER,
    IndexEntry,
    Trailer,
    check_crc,
    find_extent,
    parse_trailer,
)
from .scanner import Damage, scan
from .unpacking import unpack_chunk
from .window import Window

_FOOTER_BYTES = 4


class Reader:
    """Iterates over the packets and gaps of a `.codes` file, in order, each frame at most once.

    file: needs read() only; with seek() it can also be entered anywhere, and a damaged header
        be replaced by its copy.
    levels: how many levels to read at most; None for all that are there. What a chunk holds
        beyond them is neither read, where the file can be seeked, nor checked.
    strict: raise Truncated or Corrupt at the first damage, where otherwise a Gap comes.
    tables: for entropy coded chunks; they may also be set later, as the attribute of this name,
        but before the iteration comes to such a chunk.

    A gap may be of any length, because a damaged or forged file may say so: a decoder that fills
    gaps should bound what it makes up.

    Raises NotACodesFile, UnsupportedVersion, Truncated or Corrupt when there is no usable header,
    UnsupportedLevels when `levels` is not within what the codec has; while iterating, WrongModel
    for an entropy coded chunk without its tables.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        levels: int | None = None,
        strict: bool = False,
        tables: EntropyTables | None = None,
    ) -> None:
        self._file = file
        self._strict, self._keep_coded = strict, False
        self.tables = tables
        seekable = getattr(file, "seekable", None)
        self._seekable = seekable is not None and bool(seekable())
        self._start = file.tell() if self._seekable else 0
        self._window = Window(file, self._start)
        self._loss: FormatError | None = None
        self._first_record: int | None = None  # unknown when the preamble is damaged
        self.header = self._read_header()
        self._levels = _check_levels(levels, self.header)
        self._next_frame = 0
        self._trailer: Trailer | None = None
        # Kept, so that a loop that was left can be taken up again without losing a packet.
        self._iterator = self._items()

    def __iter__(self) -> Iterator[Packet | Gap]:
        self._keep_coded = False
        return cast(Iterator[Packet | Gap], self._iterator)

    def with_coded(self) -> Iterator[Packet | CodedPacket | Gap]:
        """Iterate, but leave entropy coded chunks as they are: no tables are needed.

        They have all levels of the layers that hold those asked for.
        """
        self._keep_coded = True
        return self._iterator

    @property
    def has_trailer(self) -> bool:
        """Whether the file's trailer was seen; without it the file is live or cut off."""
        return self._trailer is not None

    @property
    def frames(self) -> int:
        """Frames from the beginning to the end of what was read so far, gaps counted."""
        return self._next_frame

    @property
    def bytes_read(self) -> int:
        """Bytes from the beginning of the file to the end of the last record that was read."""
        return self._window.position - self._start

    @property
    def source_samples(self) -> int:
        """Length of the source in samples at its own rate; final when the iteration has ended."""
        if self._trailer is not None and self._trailer.source_samples is not None:
            return self._trailer.source_samples
        covered = self.header.samples_of(self._next_frame)
        known = self.header.source_samples
        return covered if known is None else min(covered, known)

    def seek_frame(self, frame: int) -> None:
        """Go on so that the next packet is the first that ends after `frame`; iterate anew.

        Uses the index when there is a good one, otherwise reads from the beginning. Raises
        FormatError when the file cannot be seeked.
        """
        if not self._seekable:
            raise FormatError("this stream cannot be seeked; read it in order, or from a file")
        entry = IndexEntry(0, 0)
        trailer = self._find_trailer() if self._first_record is not None else None
        for candidate in trailer.index if trailer is not None else ():
            if candidate.frame <= frame:
                entry = candidate
        self._go_to((self._first_record or self._start) + entry.offset)
        self._next_frame, self._loss, self._trailer = entry.frame, None, None
        self._iterator = (item for item in self._items() if item.reaches(frame))

    def _items(self) -> Iterator[Packet | CodedPacket | Gap]:
        for event in scan(self._window, self.header, self._next_frame, self._levels):
            match event:
                case Damage(error):
                    self._lose(error)
                case Chunk(head):
                    try:
                        packet = self._packet(event)
                    except Corrupt as error:
                        self._lose(error)
                        continue
                    yield from self._gap_until(head.first_frame)
                    self._next_frame = head.end_frame
                    yield packet
                case Trailer():
                    self._trailer = event
                    yield from self._gap_until(event.total_frames)
        self._check_end()
        yield from self._gap_until(self._next_frame)

    def _check_end(self) -> None:
        if self._trailer is not None:
            return
        if self._strict:
            raise Truncated("the file has no trailer: it is live or was cut off; fetch it again")
        promised = self.header.source_samples
        if promised is not None and self.source_samples < promised:
            self._lose(
                Truncated(f"the file ends after {self.source_samples} of {promised} samples")
            )

    def _packet(self, chunk: Chunk) -> Packet | CodedPacket:
        if chunk.head.coded and self._keep_coded:
            return CodedPacket(chunk, self.header)
        return unpack_chunk(chunk, self.header, self._levels, self.tables)

    def _lose(self, error: FormatError) -> None:
        if self._strict:
            raise error
        self._loss = self._loss or error  # the first thing that went wrong tells most

    def _gap_until(self, frame: int) -> Iterator[Gap]:
        """Yield the gap between what was read and `frame`, if frames or bytes were lost."""
        missing = frame - self._next_frame
        if missing < 0:
            self._lose(Corrupt(f"the trailer counts {frame} frames, after {self._next_frame}"))
        elif missing > 0 and self._loss is None:
            self._lose(Corrupt(f"frames {self._next_frame} to {frame - 1} are missing"))
        if self._loss is not None:
            gap = Gap(self._next_frame, max(missing, 0), str(self._loss))
            self._loss = None
            self._next_frame += gap.frames
            yield gap

    def _read_header(self) -> Header:
        try:
            header = read_preamble(self._window)
            self._first_record = self._window.position
            return header
        except (Corrupt, Truncated) as error:  # a damaged length can look like an early end
            if self._strict or not self._seekable:
                raise
            self._go_to(self._start)
            copy = find_header_again(self._window)
            if copy is None:
                raise
            self._go_to(self._start)
            self._loss = error
            return copy

    def _find_trailer(self) -> Trailer | None:
        """Return the trailer that the footer points to, None when that is not a good one."""
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(self._start, end - _FOOTER_BYTES))
        footer = self._file.read(_FOOTER_BYTES)
        size: int = struct.unpack("<I", footer)[0] if len(footer) == _FOOTER_BYTES else 0
        position = end - _FOOTER_BYTES - size
        if size > LONGEST_BODY + _FOOTER_BYTES + 6 or position < self._start:
            return None
        self._go_to(position)
        try:
            extent = find_extent(self._window)
            check_crc(self._window, extent)
            if extent.kind != TRAILER:
                return None
            return parse_trailer(bytes(self._window.bytes[extent.body_start : extent.body_end]))
        except FormatError:
            return None

    def _go_to(self, position: int) -> None:
        self._file.seek(position)
        self._window.restart(position)


def _check_levels(levels: int | None, header: Header) -> int:
    if levels is None:
        return header.levels
    if not 1 <= levels <= header.levels:
        raise UnsupportedLevels(
            f"{levels} levels asked for, but these codes are of a codec with {header.levels}; "
            f"choose 1 to {header.levels}"
        )
    return levels
