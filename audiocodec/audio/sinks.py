"""The two ways by which samples go out: bare PCM with or without a WAV header, and libsndfile."""

from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
import soundfile

from audiocodec.errors import UnsupportedAudio

from .limits import FloatArray
from .pcm import RawFormat, pack, quantize
from .riff import build_wav_header
from .sndfile import Port, SequentialSoundFile, reason, write_all

# libsndfile's Vorbis encoder puts what it gets at once on the stack.
_SAMPLES_AT_ONCE = 1 << 14
_CANNOT_BE_EMPTY = ("FLAC", "MP3", "OPUS")


class Sink(Protocol):
    """Where a SoundWriter puts its samples."""

    def write(self, wav: FloatArray) -> None:
        """Take float32 [C, T]."""

    def finish(self) -> None:
        """Write what remains and put the length into the header where there is one."""

    def abandon(self) -> None:
        """Let go without writing anything more."""


class PcmSink:
    """Bare samples, after a WAV header if asked for.

    samples: the length where it is known before.
    rewind: whether the header can be written again at the end with the true length.
    """

    def __init__(
        self, stream: BinaryIO, form: RawFormat, *, header: bool, samples: int | None, rewind: bool
    ) -> None:
        self._stream, self._form = stream, form
        self._declared = None if samples is None else samples * form.frame_bytes
        self._has_header, self._rewind = header, rewind
        self._bytes_written = 0
        if header:
            write_all(stream, self._header(self._declared))

    def write(self, wav: FloatArray) -> None:
        """Take float32 [C, T]."""
        data = pack(wav, self._form.encoding)
        write_all(self._stream, data)
        self._bytes_written += len(data)

    def finish(self) -> None:
        """Pad an odd end and correct the header's sizes."""
        written = self._bytes_written
        if self._declared is not None and self._declared != written:
            raise ValueError(f"{self._declared} bytes of samples announced, {written} written")
        if self._has_header and (self._rewind or self._declared is not None):
            write_all(self._stream, bytes(written % 2))
            if self._rewind:
                self._stream.seek(0)
                write_all(self._stream, self._header(written))
        self._stream.flush()

    def abandon(self) -> None:
        """Do nothing."""

    def _header(self, data_bytes: int | None) -> bytes:
        return build_wav_header(
            sample_rate_hz=self._form.sample_rate_hz,
            channels=self._form.channels,
            encoding=self._form.encoding,
            data_bytes=data_bytes,
        )


@dataclass(frozen=True, slots=True)
class SndfileFormat:
    """A format in libsndfile's words, such as FLAC and PCM_16."""

    container: str
    subtype: str


class SndfileSink:
    """A file of any format that libsndfile writes, to a stream that can seek.

    Raises UnsupportedAudio when the format does not take the rate or the channels, or, as
    some, cannot hold a sound without samples.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        form: SndfileFormat,
        *,
        sample_rate_hz: int,
        channels: int,
    ) -> None:
        self._name, self._form = name, form
        self._port = Port(stream)
        self._samples_written = 0
        try:
            self._file = SequentialSoundFile(
                self._port,
                "w",
                samplerate=sample_rate_hz,
                channels=channels,
                format=form.container,
                subtype=form.subtype,
            )
        except soundfile.SoundFileError as error:
            self._port.check()
            raise UnsupportedAudio(
                f"cannot write {name}: {form.container} does not take {channels} channels at "
                f"{sample_rate_hz} Hz ({reason(error)}); choose .wav or .flac"
            ) from error

    def write(self, wav: FloatArray) -> None:
        """Take float32 [C, T]."""
        for start in range(0, wav.shape[1], _SAMPLES_AT_ONCE):
            self._write_block(wav[:, start : start + _SAMPLES_AT_ONCE])
        self._samples_written += wav.shape[1]

    def finish(self) -> None:
        """Write what the encoder still holds and the header."""
        kind = self._form.subtype if self._form.container == "OGG" else self._form.container
        if self._samples_written == 0 and kind in _CANNOT_BE_EMPTY:
            raise UnsupportedAudio(
                f"cannot write {self._name}: {kind} cannot hold a sound without samples; "
                f"choose .wav"
            )
        self._file.close()
        self._port.check()

    def abandon(self) -> None:
        """Close libsndfile's handle without letting anything through."""
        self._port.cut()
        with suppress(soundfile.SoundFileError):
            self._file.close()

    def _write_block(self, wav: FloatArray) -> None:
        try:
            self._file.write(np.ascontiguousarray(self._converted(wav).T))
        except (soundfile.SoundFileError, AssertionError) as error:
            # soundfile asserts that everything was written; why not, the port knows.
            self._port.check()
            raise UnsupportedAudio(
                f"cannot write {self._name}: the encoder failed ({error}); choose .wav"
            ) from error
        self._port.check()

    def _converted(self, wav: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        # Integers are rounded here: libsndfile would scale by 2^(b-1) - 1.
        match self._form.subtype:
            case "PCM_16":
                return quantize(wav, bits=16).astype(np.int16)
            case "PCM_24":
                return quantize(wav, bits=24) << 8  # libsndfile takes the upper bits
            case "PCM_32":
                return quantize(wav, bits=32)
            case "FLOAT":
                return wav
            case _:
                return np.clip(wav, -1, 1)
