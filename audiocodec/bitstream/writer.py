"""Writing `.codes` as a stream: every chunk leaves as soon as it is complete."""

import math
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import FormatError, UnsupportedVersion

from .chunks import (
    MAX_CHUNK_FRAMES,
    MAX_CHUNK_HEAD,
    Chunk,
    build_chunk,
    layers_of,
    scale_bytes,
)
from .entropy import EntropyTables
from .header import Header
from .header_bytes import KNOWN_CODINGS
from .preamble import build_header_again, build_preamble
from .records import CRC_BYTES, LONGEST_BODY, MAX_FRAME, IndexEntry, Trailer, build_trailer
from .unpacking import pack_chunk

_INDEX_EVERY_CHUNKS = 8
_INDEX_ENTRIES = 1024
_REPEAT_HEADER_BYTES = 1 << 16
_REPEAT_HEADER_AT_END_BYTES = 1 << 13


class Writer:
    """Writes codes to `file`, which needs write() only; the bytes do not depend on the split.

    chunk_frames: frames a chunk; default about one second. Rounded so that chunks begin on the
        borders that strides and segments set; fewer are taken where a chunk would pass what the
        format allows (1 MiB).
    tables: entropy coding with these, where it pays; the header must name them.

    `finish` must be called at the end: without it the last chunk and the trailer are missing.
    Raises FormatError when the header does not fit, UnsupportedVersion for an unknown coding.
    """

    def __init__(
        self,
        file: BinaryIO,
        header: Header,
        *,
        chunk_frames: int | None = None,
        tables: EntropyTables | None = None,
    ) -> None:
        if header.coding not in KNOWN_CODINGS:
            raise UnsupportedVersion(f"this program cannot write coding {header.coding}; use 0")
        if tables is not None and tables.identity != header.entropy_tables:
            raise ValueError(
                f"the header names the tables {header.entropy_tables!r}, not {tables.identity!r}"
            )
        self._file = file
        self.header = header
        self._tables = tables
        self._chunk_frames = _chunk_frames(chunk_frames, header)
        self._pending = np.empty((header.rows, 0, 0), np.int32)
        self._pending_scales = np.empty((header.rows, 0), np.float32)
        self._next_frame = 0
        self._finished = False
        self._chunks = 0
        self._index: list[IndexEntry] = []
        self._index_every = _INDEX_EVERY_CHUNKS
        self._offset = 0  # bytes from the first record
        self._header_offset = 0  # where that was when the header was last written
        _write_all(file, build_preamble(header))

    def write(
        self, indices: NDArray[np.integer], scales: NDArray[np.float32] | None = None
    ) -> None:
        """Append int [R, K, F]; K from 1 to the header's levels, and where it changes a chunk ends.

        A level with a stride has each code so many times. scales: [R, S], where the header has
        segments: one for each that begins in these frames.

        Raises ValueError when shape or values do not fit the header.
        """
        codes = self._check(indices)
        if codes.shape[1] != self._pending.shape[1]:
            self._flush_pending()
            self._pending = codes[:, :, :0]
        self._add_scales(scales, codes.shape[2])
        frames = self._chunk_frames
        # Complete chunks are cut from one array, so that a long one is not copied many times.
        joined = np.concatenate([self._pending, codes], axis=2)
        whole = joined.shape[2] - joined.shape[2] % frames
        for start in range(0, whole, frames):
            self._write_codes(joined[:, :, start : start + frames])
        self._pending = joined[:, :, whole:].copy()

    def write_chunk(self, chunk: Chunk) -> None:
        """Append a chunk of another file of the same grid and tables, as it is but renumbered."""
        self._check_open()
        self._check_frames(chunk.head.frames + self._pending.shape[2])
        self._flush_pending()
        head = replace(chunk.head, first_frame=self._next_frame)
        self._write_chunk(replace(chunk, head=head))

    def skip(self, frames: int) -> None:
        """Leave out `frames` frames, for a reader to report as lost."""
        self._check_open()
        self._check_frames(frames)
        self._flush_pending()
        self._next_frame += frames

    def finish(self, source_samples: int | None = None) -> None:
        """Write what is pending and the trailer; `file` stays open.

        source_samples: length of the source at its own rate; default what the header says.
        """
        self._check_open()
        self._flush_pending()
        self._finished = True
        self._repeat_header_after(_REPEAT_HEADER_AT_END_BYTES)
        if source_samples is None:
            source_samples = self.header.source_samples
        trailer = Trailer(self._next_frame, source_samples, tuple(self._index))
        _write_all(self._file, build_trailer(trailer))

    def _check(self, indices: NDArray[np.integer]) -> NDArray[np.int32]:
        self._check_open()
        header = self.header
        if indices.ndim != 3 or not np.issubdtype(indices.dtype, np.integer):
            raise ValueError(f"expected integers [R, K, F]; got {indices.dtype} {indices.shape}")
        rows, levels, frames = indices.shape
        if rows != header.rows or not 1 <= levels <= header.levels:
            raise ValueError(
                f"expected {header.rows} rows and 1 to {header.levels} levels; got {indices.shape}"
            )
        self._check_frames(frames + self._pending.shape[2])
        for level in range(levels) if frames else ():
            low, high = indices[:, level].min(), indices[:, level].max()
            if low < 0 or high >= header.codebook_sizes[level]:
                raise ValueError(
                    f"codes of level {level + 1} are {low} to {high}; "
                    f"expected 0 to {header.codebook_sizes[level] - 1}"
                )
            stride = header.strides[level]
            repeated = indices[:, level, ::stride].repeat(stride, axis=1)
            if stride > 1 and not np.array_equal(indices[:, level], repeated[:, :frames]):
                raise ValueError(f"codes of level {level + 1} change within {stride} frames")
        return indices.astype(np.int32, copy=False)

    def _add_scales(self, scales: NDArray[np.float32] | None, frames: int) -> None:
        header = self.header
        before = self._next_frame + self._pending.shape[2]
        expected = header.segments_of(before + frames) - header.segments_of(before)
        found = np.empty((header.rows, 0), np.float32) if scales is None else scales
        if found.shape != (header.rows, expected) or not np.isfinite(found).all():
            raise ValueError(
                f"expected {expected} finite scales for each of {header.rows} rows; "
                f"got {found.shape}"
            )
        self._pending_scales = np.concatenate([self._pending_scales, found], axis=1)

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("the writer is finished; nothing can be added")

    def _check_frames(self, frames: int) -> None:
        if frames < 0 or self._next_frame + frames > MAX_FRAME:
            raise ValueError(f"cannot add {frames} frames; a file holds 0 to {MAX_FRAME}")

    def _flush_pending(self) -> None:
        if self._pending.shape[2]:
            self._write_codes(self._pending)
            self._pending = self._pending[:, :, :0]

    def _write_codes(self, codes: NDArray[np.int32]) -> None:
        count = self.header.segments_of(codes.shape[2])
        scales = self._pending_scales[:, :count] if count else None
        self._pending_scales = self._pending_scales[:, count:]
        self._write_chunk(pack_chunk(self._next_frame, codes, scales, self.header, self._tables))

    def _write_chunk(self, chunk: Chunk) -> None:
        header, frames = self.header, chunk.head.frames
        if self._next_frame % header.border_frames or frames % header.grain_frames:
            last = self._next_frame + frames - 1
            raise ValueError(
                f"a chunk cannot have frames {self._next_frame} to {last}: "
                f"it begins at a multiple of {header.border_frames} and has a multiple of "
                f"{header.grain_frames}"
            )
        self._repeat_header_after(_REPEAT_HEADER_BYTES)
        self._add_to_index()
        self._write_record(build_chunk(self.header, chunk))
        self._next_frame = chunk.head.end_frame

    def _add_to_index(self) -> None:
        """Note this place when its turn comes; thin the index out when it is full."""
        if self._chunks % self._index_every == 0 and self._chunks > 0:
            self._index.append(IndexEntry(self._offset, self._next_frame))
            if len(self._index) == _INDEX_ENTRIES:
                self._index_every *= 2
                self._index = self._index[1::2]
        self._chunks += 1

    def _repeat_header_after(self, distance: int) -> None:
        if self._offset - self._header_offset >= distance:
            self._header_offset = self._offset
            self._write_record(build_header_again(self.header))

    def _write_record(self, record: bytes) -> None:
        _write_all(self._file, record)
        self._offset += len(record)


def _chunk_frames(asked: int | None, header: Header) -> int:
    if asked is not None and asked < 1:
        raise ValueError(f"chunk_frames is {asked}; expected at least 1")
    border = header.border_frames
    about_a_second = header.sample_rate_hz / header.hop_samples
    most = min(_most_frames(header), MAX_CHUNK_FRAMES) // border * border
    if most == 0:
        raise FormatError(
            f"{border} frames, which no border of chunks may divide, do not fit into one chunk"
        )
    return min(max(1, round((asked or about_a_second) / border)) * border, most)


def _most_frames(header: Header) -> int:
    """Return how many frames fit into a chunk for certain."""
    # Each level is filled up to a byte border: 7 bits at most.
    layers = len(layers_of(header, header.levels))
    fill = MAX_CHUNK_HEAD + header.levels + CRC_BYTES * layers + scale_bytes(header, 1)
    room_bits = 8 * (LONGEST_BODY - fill)
    bits = sum(
        width / stride for width, stride in zip(header.bits_per_level, header.strides, strict=True)
    )
    bits += 32 / (header.segment_frames or math.inf)
    return int(room_bits / (header.rows * bits))


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:  # an unbuffered file may take less than it is given
        written = file.write(view)
        if not written:
            raise BlockingIOError(f"the output took none of {len(view)} bytes")
        view = view[written:]
