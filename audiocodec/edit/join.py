"""Several files to one, in order."""

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from audiocodec.audio.limits import stream_name
from audiocodec.bitstream.header import Header
from audiocodec.bitstream.items import CodedPacket, Gap, Packet
from audiocodec.bitstream.reader import Reader
from audiocodec.codes_io import create_codes, open_codes, refuse_same
from audiocodec.entropy_tables import EntropyTables
from audiocodec.errors import FormatError, WrongModel

from .copying import (
    Copy,
    EditReport,
    PathOrStream,
    check_sound_length,
    frames_of,
    samples_before,
)

_HELD_FRAMES = 128  # more than any file of ours has behind its sound


def cat_files(
    sources: Sequence[PathOrStream],
    target: PathOrStream,
    *,
    strict: bool = False,
    overwrite: bool = False,
    tables: EntropyTables | None = None,
) -> EditReport:
    """Join files of the same weights, grid, rate and channels, in order.

    Frames are never divided. Each file but the last takes as many frames as its sound needs, and
    the next begins behind them: between the two lies what filled up the last frame, silence of
    less than a frame. Frames that a file has beyond its sound (for models that give it late) are
    dropped; so the pieces that `cut_file` made of one file join to exactly the codes that it had.
    The length is that of all frames but the last file's, plus the last file's own.

    The number of levels may differ between files. Metadata is the first file's. tables: as in
    `truncate_file`.

    Raises WrongModel or FormatError, naming the file and what differs, ValueError without sources,
    and otherwise as `truncate_file`.
    """
    if not sources:
        raise ValueError("no files to join")
    for source in sources:
        refuse_same(source, target)
    joined = _Joined()
    for source in sources:  # before anything is written
        if isinstance(source, (str, os.PathLike)):
            with open_codes(source) as file:
                joined.check(Reader(file).header, _name(source))
    copy: Copy | None = None
    with create_codes(target, overwrite=overwrite) as output:
        for number, source in enumerate(sources, start=1):
            with open_codes(source) as file:
                reader = Reader(file, strict=strict)
                joined.check(reader.header, _name(source))
                copy = copy or Copy(output, replace(reader.header, source_samples=None), tables)
                before = copy.frames
                _append(reader, copy, _name(source), whole=number == len(sources))
                check_sound_length(reader)
        if copy is None:
            raise RuntimeError("unreachable: there is a source")
        header = reader.header
        samples = samples_before(header, before) + reader.source_samples
        return copy.finish(min(samples, header.samples_of(copy.frames)))


class _Joined:
    """What files must have in common to be joined: that of the first header that was checked."""

    def __init__(self) -> None:
        self._header: Header | None = None
        self._name = ""

    def check(self, other: Header, name: str) -> None:
        """Raise WrongModel or FormatError, naming what differs."""
        if self._header is None:
            self._header, self._name = other, name
        header = self._header
        hashes = (header.weights_sha256, other.weights_sha256)
        # Where a foreign writer left the hash out, the name is all there is to go by.
        known = all(hashes)
        ours, theirs = hashes if known else (_model(header), _model(other))
        if ours != theirs:
            what = "weights" if known else "the model"
            raise WrongModel(
                f"it was made with {what} {theirs[:12] if known else theirs}, but {self._name} "
                f"with {ours[:12] if known else ours}; only codes of the same weights can be joined"
            )
        for what, name in _GRID.items():
            ours, theirs = getattr(header, name), getattr(other, name)
            if ours != theirs:
                raise FormatError(
                    f"its {what} is {theirs}, but that of {self._name} is {ours}; only files of "
                    f"the same grid, rate and channels can be joined"
                )


_GRID = {
    "codec's sample rate": "sample_rate_hz",
    "codec's number of channels": "channels",
    "hop in samples": "hop_samples",
    "tuple of codebook sizes": "codebook_sizes",
    "sample rate": "source_sample_rate_hz",
    "number of channels": "source_channels",
    "number of rows": "rows",
    "tuple of strides": "strides",
    "segment in frames": "segment_frames",
    "number of levels in a layer": "layer_levels",
}


def _name(source: PathOrStream) -> str:
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else stream_name(source)


def _model(header: Header) -> str:
    revision = f"@{header.model_revision}" if header.model_revision else ""
    return f"{header.model_name or 'unknown'}{revision}"


def _append(reader: Reader, copy: Copy, name: str, *, whole: bool) -> None:
    """Add all of a file; unless `whole`, without the frames behind the end of its sound.

    How many these are, only the end tells, so _HELD_FRAMES and a chunk are held back.
    """
    held: deque[Packet | CodedPacket | Gap] = deque()
    for item in reader.with_coded():
        named = isinstance(item, Gap) and replace(item, reason=f"{name}: {item.reason}")
        held.append(named or item)
        while held[-1].end_frame - held[0].end_frame >= _HELD_FRAMES:
            copy.add(held.popleft())
    end = reader.frames if whole else frames_of(reader.header, reader.source_samples)
    border = reader.header.border_frames
    if not whole:  # what fills up a segment belongs to it
        end = min(-(-end // border) * border, reader.frames)
    if not whole and end % border:
        raise FormatError(
            f"its sound ends after {end} frames, but the next one can only begin at a multiple of "
            f"{border}; only the last of the files may end so"
        )
    for item in held:
        if isinstance(item, Gap) or item.first_frame < end:
            copy.add(item, end=end)
