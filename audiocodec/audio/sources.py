"""The two ways by which samples come in: libsndfile, and bare PCM from any stream."""

import os
import re
from contextlib import nullcontext
from typing import BinaryIO, Protocol

import numpy as np
import soundfile

from audiocodec.errors import UnsupportedAudio

from .limits import FloatArray
from .mpeg import MpegKind, mpeg_kind
from .pcm import RawFormat, unpack
from .riff import read_wav_header
from .sndfile import Port, SequentialSoundFile, muted_stderr, reason
from .tags import read_tags

_UNKNOWN_FRAMES = 2**62  # libsndfile says 2^63 - 1 when it cannot know
_FRAME_BYTES = {
    "PCM_S8": 1,
    "PCM_U8": 1,
    "ULAW": 1,
    "ALAW": 1,
    "PCM_16": 2,
    "PCM_24": 3,
    "PCM_32": 4,
    "FLOAT": 4,
    "DOUBLE": 8,
}
# libsndfile shortens a truncated file's length to what is there; only its log tells. In the
# order AIFF, Wave64, AU; WAV is checked from its own header, whose log may be cut off.
_SHORTENED = re.compile(r"^\s*(?:SSND|riff|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_HINT = "was it cut off while it was recorded or copied?"


class Source(Protocol):
    """Where a SoundReader takes its samples from.

    samples: the length where it is known. tags: texts by the keys of `tags.KEYS`.
    """

    sample_rate_hz: int
    channels: int
    samples: int | None
    tags: dict[str, str]

    def read(self, samples: int) -> FloatArray:
        """Return float32 [C, T] with T = `samples`, less only at the end."""

    def close(self) -> None:
        """Let go of what the source itself opened."""


class PcmSource:
    """Bare samples from a stream that need not be seekable.

    data_bytes: read that many and no more; None: to the end of the stream.
    strict: whether an end inside a sample is an error; raises UnsupportedAudio then.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        form: RawFormat,
        *,
        data_bytes: int | None,
        strict: bool,
    ) -> None:
        self.sample_rate_hz = form.sample_rate_hz
        self.channels = form.channels
        self.samples = None if data_bytes is None else data_bytes // form.frame_bytes
        self.tags: dict[str, str] = {}  # those of WAV often come behind the samples
        self._stream, self._name, self._form, self._strict = stream, name, form, strict
        self._samples_read = 0
        if data_bytes is not None:
            self._refuse_rest(data_bytes % form.frame_bytes)

    def read(self, samples: int) -> FloatArray:
        """Return float32 [C, T] with T = `samples`, less only at the end."""
        if self.samples is not None:
            samples = min(samples, self.samples - self._samples_read)
        data = self._read_bytes(samples * self._form.frame_bytes)
        rest = len(data) % self._form.frame_bytes
        self._refuse_rest(rest)
        wav = unpack(data[: len(data) - rest], self._form.encoding, self.channels)
        self._samples_read += wav.shape[1]
        return wav

    def _refuse_rest(self, rest: int) -> None:
        if rest and self._strict:
            raise UnsupportedAudio(
                f"{self._name}: a raw sample takes {self._form.frame_bytes} bytes "
                f"({self.channels} channels of {self._form.encoding}), but the last has only "
                f"{rest}; check the channels and the encoding"
            )

    def close(self) -> None:
        """Do nothing: the stream belongs to who opened it."""

    def _read_bytes(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:  # a pipe gives what it has
            part = self._stream.read(count - len(parts))
            if not part:
                break
            parts += part
        return bytes(parts)


class SndfileSource:
    """Any format of libsndfile, recognized by content, from a seekable stream.

    path: where the stream's file is, None when it is no file. A file is opened again by its
        path: libsndfile reads it without calling back into Python, where Ctrl-C could get lost.
    """

    def __init__(self, stream: BinaryIO, name: str, *, path: str | None) -> None:
        kind = mpeg_kind(stream)
        endless = kind is MpegKind.WITHOUT_LENGTH
        self._name = name
        self._mute = nullcontext if kind is MpegKind.NOT_MPEG else muted_stderr
        self._port = None if path and not endless else Port(stream, endless=endless)
        _refuse_truncated_wav(stream, name)
        with self._mute():
            self._file = _open(name, self._port or os.path.abspath(path or ""))
        self.sample_rate_hz = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        frames = int(self._file.frames)
        self.samples = None if endless or frames > _UNKNOWN_FRAMES else frames
        self.tags = read_tags(self._file)
        self._samples_read = 0
        try:
            _refuse_truncated(self._file, name)
        except UnsupportedAudio:
            self._file.close()
            raise

    def read(self, samples: int) -> FloatArray:
        """Return float32 [C, T] with T = `samples`, less only at the end."""
        if self.samples is not None:
            samples = min(samples, self.samples - self._samples_read)
        interleaved = np.empty((samples, self.channels), np.float32)
        try:
            with self._mute():
                interleaved = self._file.read(out=interleaved)
        except soundfile.SoundFileError as error:
            self._check_port()
            expected = "" if self.samples is None else f" of {self.samples}"
            raise UnsupportedAudio(
                f"{self._name}: damaged or truncated after about sample {self._samples_read}"
                f"{expected} ({reason(error)}); {_HINT}"
            ) from error
        self._check_port()
        self._samples_read += len(interleaved)
        return np.ascontiguousarray(interleaved.T)

    def close(self) -> None:
        """Close libsndfile's handle."""
        self._file.close()

    def _check_port(self) -> None:
        if self._port is not None:
            self._port.check()


def _open(name: str, source: Port | str) -> SequentialSoundFile:
    try:
        return SequentialSoundFile(source)
    except soundfile.SoundFileError as error:
        if isinstance(source, Port):
            source.check()
        raise UnsupportedAudio(
            f"cannot read {name}: expected a sound file (WAV, FLAC, OGG, MP3, AIFF ...), but its "
            f"content is none that is known here or is damaged ({reason(error)}); convert it to "
            f"WAV first, or give rate, channels and encoding of raw samples"
        ) from error


def _refuse_truncated_wav(stream: BinaryIO, name: str) -> None:
    start = stream.tell()
    header = read_wav_header(stream)
    data_start = stream.tell()
    there = stream.seek(0, os.SEEK_END) - data_start
    stream.seek(start)
    if header is None or header.data_bytes is None or header.data_bytes <= there:
        return
    unit, size = ("samples", header.frame_bytes) if header.encoding else ("bytes", 1)
    raise truncated(name, header.data_bytes // size, there // size, unit)


def _refuse_truncated(file: SequentialSoundFile, name: str) -> None:
    log = file.extra_info
    if file.format == "OGG" and "lacks an end-of-stream bit" in log and "Junk after" in log:
        raise UnsupportedAudio(
            f"{name}: truncated inside an Ogg page after {file.frames} samples; {_HINT}"
        )
    if (found := _SHORTENED.search(log)) is None:
        return
    declared, there = int(found[1]), int(found[2])
    # 0 and sizes near the top stand for a length that the writer did not know.
    if there < declared < (1 << 62 if file.format == "W64" else 0x7F000000):
        frame_bytes = _FRAME_BYTES.get(file.subtype, 0) * file.channels
        if frame_bytes:
            missing = -(-(declared - there) // frame_bytes)
            raise truncated(name, file.frames + missing, file.frames)
        raise truncated(name, declared, there, "bytes")


def truncated(name: str, expected: int, arrived: int, unit: str = "samples") -> UnsupportedAudio:
    """Return the error for sound that ends before the length that it declares."""
    return UnsupportedAudio(
        f"{name}: truncated: expected {expected} {unit}, got {arrived}; {_HINT}"
    )
