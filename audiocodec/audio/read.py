"""Sound files and streams as blocks of float32 [C, T]."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, Self, cast

from audiocodec.errors import UnsupportedAudio

from .limits import FloatArray, PathLike, check_bounds, check_finite, stream_name
from .pcm import RawFormat
from .riff import read_wav_header
from .sources import PcmSource, SndfileSource, Source, truncated

_SPOOLED_IN_MEMORY = 16 << 20
_COPIED_AT_ONCE = 1 << 20


class SoundReader:
    """A sound that is read once, from front to back; made by `open_sound`.

    sample_rate_hz, channels: as in the file.
    samples: length of each channel, None where only reading on will tell.
    tags: title, artist, album, date and comment as far as the file has them, in one line each; a
        stream that is read as it comes has none.
    """

    def __init__(self, source: Source, name: str, owned: ExitStack) -> None:
        self.sample_rate_hz = source.sample_rate_hz
        self.channels = source.channels
        self.samples = source.samples
        self.tags = source.tags
        self._source, self._name, self._owned = source, name, owned
        self._position = 0

    def blocks(self, block_samples: int) -> Iterator[FloatArray]:
        """Yield contiguous float32 [C, T], T = `block_samples` but for a shorter last one.

        Nothing is yielded for a sound without samples, and no block is empty. A second call goes
        on where the first one stopped.

        Raises UnsupportedAudio at the first sample that is NaN or infinite, before the block
        that has it, and where the sound is damaged or ends before its declared length.
        """
        if block_samples < 1:
            raise ValueError(f"blocks of at least 1 sample expected, got {block_samples}")
        while True:
            wav = self._read(block_samples)
            if wav.shape[1]:
                yield wav
            if wav.shape[1] < block_samples:
                return

    def close(self) -> None:
        """Close what `open_sound` opened; a stream that it was given stays open."""
        self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, block_samples: int) -> FloatArray:
        try:
            wav = self._source.read(block_samples)
        except OSError as error:
            raise _cannot_read(self._name, error) from error
        check_finite(self._name, wav, position=self._position, sample_rate_hz=self.sample_rate_hz)
        self._position += wav.shape[1]
        if self.samples is not None and wav.shape[1] < block_samples:
            self._refuse_early_end(self.samples)
        return wav

    def _refuse_early_end(self, expected: int) -> None:
        if self._position < expected:
            raise truncated(self._name, expected, self._position)


def open_sound(source: PathLike | BinaryIO, *, raw: RawFormat | None = None) -> SoundReader:
    """Open a sound file, or a binary stream such as standard input.

    The format is recognized by content, never by suffix: WAV, RF64, Wave64, FLAC, OGG (Vorbis,
    Opus), MP3, AIFF, CAF, AU and what else libsndfile reads; with `raw`, bare samples.

    A stream (or a path to a pipe) that cannot seek is read as it comes when it is raw or WAV or
    RF64 of PCM. Anything else from there is copied to a temporary file first, in memory up to
    16 MiB, because libsndfile has to seek: such a sound has to end before it can be read.

    Raises UnsupportedAudio, one line, when the file is missing, a folder, out of reach, empty,
    truncated, damaged or no sound, or has other than 8 to 192 kHz and 1 to 8 channels.
    """
    path = os.fspath(source) if isinstance(source, (str, os.PathLike)) else None
    name = path if path is not None else stream_name(cast(BinaryIO, source))
    try:
        with ExitStack() as owned:
            stream = cast(BinaryIO, source)
            if path is not None:
                stream = owned.enter_context(_open_file(path))
            found = _find_source(stream, name, path, raw, owned)
            owned.callback(found.close)
            check_bounds(name, sample_rate_hz=found.sample_rate_hz, channels=found.channels)
            reader = SoundReader(found, name, owned.pop_all())
    except OSError as error:
        raise _cannot_read(name, error) from error
    return reader


def _open_file(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except ValueError as error:  # a null character in the path
        raise UnsupportedAudio(f"cannot read {path!r}: {error}; check the path") from error


def _find_source(
    stream: BinaryIO, name: str, path: str | None, raw: RawFormat | None, owned: ExitStack
) -> Source:
    size = _remaining_bytes(stream) if stream.seekable() else None
    if raw is not None:
        return _pcm_source(stream, name, raw, size, strict=True)
    if size == 0:
        raise UnsupportedAudio(
            f"{name}: expected a sound file, but it is empty (0 bytes); check how it was made"
        )
    if size is not None:
        return SndfileSource(stream, name, path=path)
    seen = _Recording(stream)
    header = read_wav_header(cast(BinaryIO, seen))
    if header is not None and header.encoding is not None:
        wav = RawFormat(header.sample_rate_hz, header.channels, header.encoding)
        # Not strict: a writer that did not know the length may have padded the end.
        return _pcm_source(stream, name, wav, header.data_bytes, strict=False)
    spool = owned.enter_context(_spool(seen.data, stream))
    if _remaining_bytes(spool) == 0:
        raise UnsupportedAudio(
            f"{name}: expected sound, but nothing came (0 bytes); check the program that sends it"
        )
    return SndfileSource(spool, name, path=None)


def _spool(head: bytes, stream: BinaryIO) -> BinaryIO:
    with ExitStack() as owned:
        spool = owned.enter_context(tempfile.SpooledTemporaryFile(_SPOOLED_IN_MEMORY))
        spool.write(head)
        while data := stream.read(_COPIED_AT_ONCE):
            spool.write(data)
        spool.seek(0)
        owned.pop_all()
    return cast(BinaryIO, spool)


def _pcm_source(
    stream: BinaryIO, name: str, form: RawFormat, data_bytes: int | None, *, strict: bool
) -> PcmSource:
    check_bounds(name, sample_rate_hz=form.sample_rate_hz, channels=form.channels)
    return PcmSource(stream, name, form, data_bytes=data_bytes, strict=strict)


class _Recording:
    """A stream that keeps what was read from it, for whoever has to begin again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.data = b""

    def read(self, count: int) -> bytes:
        data = self._stream.read(count)
        self.data += data
        return data


def _remaining_bytes(stream: BinaryIO) -> int:
    start = stream.tell()
    size = stream.seek(0, io.SEEK_END) - start
    stream.seek(start)
    return size


def _cannot_read(name: str, error: OSError) -> UnsupportedAudio:
    match error:
        case FileNotFoundError():
            what = "there is no such file; check the path"
        case IsADirectoryError():
            what = "expected a sound file, but it is a folder; name the files in it"
        case PermissionError():
            what = "permission denied; make it readable first"
        case _:
            what = f"{error.strerror or error}; check the path and the device that it is on"
    return UnsupportedAudio(f"cannot read {name}: {what}")
