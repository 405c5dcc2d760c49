"""Writing `.codes` as a stream: every chunk leaves as soon as it is complete."""

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import UnsupportedVersion

from .bits import pack
from .header import Header
from .header_bytes import KNOWN_CODINGS
from .preamble import build_header_again, build_preamble
from .records import (
    LONGEST_BODY,
    MAX_CHUNK_FRAMES,
    MAX_CHUNK_HEAD,
    MAX_FRAME,
    ChunkHead,
    IndexEntry,
    Trailer,
    build_chunk,
    build_trailer,
)

_INDEX_EVERY_CHUNKS = 8
_INDEX_ENTRIES = 1024
_REPEAT_HEADER_BYTES = 1 << 16
_REPEAT_HEADER_AT_END_BYTES = 1 << 13


class Writer:
    """Writes codes to `file`, which needs write() only; the bytes do not depend on the split.

    chunk_frames: frames a chunk; default about one second. Fewer are taken where a chunk would
        pass what the format allows (1 MiB).

    `finish` must be called at the end: without it the last chunk and the trailer are missing.
    Raises FormatError when the header does not fit, UnsupportedVersion for an unknown coding.
    """

    def __init__(self, file: BinaryIO, header: Header, *, chunk_frames: int | None = None) -> None:
        if header.coding not in KNOWN_CODINGS:
            raise UnsupportedVersion(f"this program cannot write coding {header.coding}; use 0")
        self._file = file
        self.header = header
        self._chunk_frames = _chunk_frames(chunk_frames, header)
        self._pending = np.empty((header.rows, 0, 0), np.int32)
        self._next_frame = 0
        self._finished = False
        self._chunks = 0
        self._index: list[IndexEntry] = []
        self._index_every = _INDEX_EVERY_CHUNKS
        self._offset = 0  # bytes from the first record
        self._header_offset = 0  # where that was when the header was last written
        _write_all(file, build_preamble(header))

    def write(self, indices: NDArray[np.integer]) -> None:
        """Append int [R, K, F]; K from 1 to the header's levels, and where it changes a chunk ends.

        Raises ValueError when shape or values do not fit the header.
        """
        codes = self._check(indices)
        if codes.shape[1] != self._pending.shape[1]:
            self._flush_pending()
            self._pending = codes[:, :, :0]
        frames = self._chunk_frames
        # Complete chunks are cut from one array, so that a long one is not copied many times.
        joined = np.concatenate([self._pending, codes], axis=2)
        whole = joined.shape[2] - joined.shape[2] % frames
        for start in range(0, whole, frames):
            self._write_chunk(joined[:, :, start : start + frames])
        self._pending = joined[:, :, whole:].copy()

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
        return indices.astype(np.int32, copy=False)

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("the writer is finished; nothing can be added")

    def _check_frames(self, frames: int) -> None:
        if frames < 0 or self._next_frame + frames > MAX_FRAME:
            raise ValueError(f"cannot add {frames} frames; a file holds 0 to {MAX_FRAME}")

    def _flush_pending(self) -> None:
        if self._pending.shape[2]:
            self._write_chunk(self._pending)
            self._pending = self._pending[:, :, :0]

    def _write_chunk(self, codes: NDArray[np.int32]) -> None:
        self._repeat_header_after(_REPEAT_HEADER_BYTES)
        self._add_to_index()
        head = ChunkHead(self._next_frame, codes.shape[2], codes.shape[1])
        widths = self.header.bits_per_level
        payload = b"".join(pack(codes[:, k], widths[k]) for k in range(head.levels))
        self._write_record(build_chunk(head, payload))
        self._next_frame = head.end_frame

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
    about_a_second = max(1, round(header.sample_rate_hz / header.hop_samples))
    # Each level is filled up to a byte border: 7 bits at most.
    fill = MAX_CHUNK_HEAD + header.levels
    room_bits = 8 * (LONGEST_BODY - fill)
    most = room_bits // (header.rows * sum(header.bits_per_level))
    return min(asked or about_a_second, most, MAX_CHUNK_FRAMES)


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:  # an unbuffered file may take less than it is given
        written = file.write(view)
        if not written:
            raise BlockingIOError(f"the output took none of {len(view)} bytes")
        view = view[written:]
