"""float32 [C, T] to sound files and streams."""

import os
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, Literal, Self, cast, get_args

import numpy as np

from audiocodec.atomic import atomic_output
from audiocodec.errors import AudioCodecError, UnsupportedAudio

from .limits import FloatArray, PathLike, check_bounds, check_finite, stream_name
from .pcm import PcmEncoding, RawFormat
from .sinks import PcmSink, Sink, SndfileFormat, SndfileSink

SampleEncoding = Literal["pcm16", "pcm24", "pcm32", "float32"]
Container = Literal["wav", "raw"]

_PCM_ENCODINGS: dict[SampleEncoding, PcmEncoding] = {
    "pcm16": "s16le",
    "pcm24": "s24le",
    "pcm32": "s32le",
    "float32": "f32le",
}
_SUBTYPES: dict[SampleEncoding, str] = {
    "pcm16": "PCM_16",
    "pcm24": "PCM_24",
    "pcm32": "PCM_32",
    "float32": "FLOAT",
}
_BARE: dict[str, Container] = {".wav": "wav", ".wave": "wav", ".raw": "raw", ".pcm": "raw"}
_LOSSLESS = {
    ".flac": "FLAC",
    ".aiff": "AIFF",
    ".aif": "AIFF",
    ".w64": "W64",
    ".caf": "CAF",
    ".au": "AU",
}
_LOSSY = {
    ".ogg": SndfileFormat("OGG", "VORBIS"),
    ".oga": SndfileFormat("OGG", "VORBIS"),
    ".opus": SndfileFormat("OGG", "OPUS"),
    ".mp3": SndfileFormat("MP3", "MPEG_LAYER_III"),
}


class SoundWriter:
    """A sound file that is written block by block, and is there whole or not at all.

    target: a path, whose suffix chooses the format (.wav .flac .ogg .opus .mp3 .aiff .w64 .caf
        .au, or .raw and .pcm for bare samples), or a binary stream, which gets `container`. A
        .wav turns into RF64 when it grows beyond 4 GiB.
    encoding: how lossless formats store a sample; FLAC takes pcm16 and pcm24. MP3, Ogg Vorbis and
        Opus have their own and ignore this. Integers are rounded to nearest, without dither.
    container: "wav" or "raw"; only for streams.
    samples: the length where it is known before: a WAV on a stream then declares it, else it
        declares sizes of 0xFFFFFFFF, which stand for "to the end".
    overwrite: replace an existing file.

    A context manager; the file is opened on entry and takes its name when the block ends without
    an exception. A stream is flushed, never closed.

    clipped_samples: samples so far that lay beyond full scale (|x| > 1) and were clipped, counted
        over all channels; always 0 for float32, which keeps them.
    peak: largest |x| so far.

    Raises UnsupportedAudio for a suffix, rate, number of channels or encoding that cannot be
    written, OutputExists, and AudioCodecError when the disk is full or the place is read-only.
    """

    def __init__(
        self,
        target: PathLike | BinaryIO,
        *,
        sample_rate_hz: int,
        channels: int,
        encoding: SampleEncoding = "pcm16",
        container: Container = "wav",
        samples: int | None = None,
        overwrite: bool = False,
    ) -> None:
        self.sample_rate_hz, self.channels = sample_rate_hz, channels
        self.clipped_samples = 0
        self.peak = 0.0
        self._path = os.fspath(target) if isinstance(target, (str, os.PathLike)) else None
        self._stream = None if self._path is not None else cast(BinaryIO, target)
        self._name = stream_name(self._stream) if self._stream is not None else str(self._path)
        check_bounds(f"cannot write {self._name}", sample_rate_hz=sample_rate_hz, channels=channels)
        if encoding not in _SUBTYPES:
            raise UnsupportedAudio(
                f"unknown encoding of samples {encoding!r}; "
                f"choose one of {', '.join(get_args(SampleEncoding))}"
            )
        self._format = container if self._path is None else _format_for(self._path, encoding)
        self._encoding, self._samples, self._overwrite = encoding, samples, overwrite
        self._clips = encoding != "float32" or self._format in _LOSSY.values()
        self._position = 0
        self._owned = ExitStack()
        self._sink: Sink | None = None

    def write(self, wav: FloatArray) -> None:
        """Append float32 [C, T] with any T.

        Raises UnsupportedAudio when a sample is NaN or infinite, AudioCodecError when it cannot
        be written.
        """
        if self._sink is None:
            raise ValueError("SoundWriter is a context manager: write inside its with block")
        if wav.ndim != 2 or wav.shape[0] != self.channels:
            raise ValueError(f"expected [{self.channels}, T], got {list(wav.shape)}")
        wav = np.asarray(wav, dtype=np.float32)
        check_finite(
            f"cannot write {self._name}",
            wav,
            position=self._position,
            sample_rate_hz=self.sample_rate_hz,
        )
        if wav.size == 0:
            return
        magnitude = np.abs(wav)
        self.peak = max(self.peak, float(magnitude.max()))
        if self._clips:
            self.clipped_samples += int(np.count_nonzero(magnitude > 1))
        self._position += wav.shape[1]
        try:
            self._sink.write(wav)
            if self._stream is not None:
                self._stream.flush()  # somebody may be listening
        except OSError as error:
            raise self._cannot_write(error) from error

    def __enter__(self) -> Self:
        with ExitStack() as owned:
            if self._path is not None:
                stream = cast(
                    BinaryIO,
                    owned.enter_context(atomic_output(self._path, overwrite=self._overwrite)),
                )
            else:
                stream = cast(BinaryIO, self._stream)
            try:
                self._sink = self._open_sink(stream)
            except OSError as error:
                raise self._cannot_write(error) from error
            self._owned = owned.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sink, self._sink = self._sink, None
        if sink is None:
            raise ValueError("this SoundWriter was not entered")
        if error is not None:
            sink.abandon()
            self._owned.__exit__(kind, error, trace)
            return
        with self._owned:  # so that an error here discards the file too
            try:
                sink.finish()
            except OSError as failure:
                sink.abandon()
                raise self._cannot_write(failure) from failure
            except BaseException:
                sink.abandon()
                raise

    def _open_sink(self, stream: BinaryIO) -> Sink:
        if isinstance(self._format, SndfileFormat):
            return SndfileSink(
                stream,
                self._name,
                self._format,
                sample_rate_hz=self.sample_rate_hz,
                channels=self.channels,
            )
        return PcmSink(
            stream,
            RawFormat(self.sample_rate_hz, self.channels, _PCM_ENCODINGS[self._encoding]),
            header=self._format == "wav",
            samples=self._samples,
            # Not a stream of the caller's: one that appends would get the header at its end.
            rewind=self._path is not None and stream.seekable(),
        )

    def _cannot_write(self, error: OSError) -> AudioCodecError:
        return AudioCodecError(
            f"cannot write {self._name}: {error.strerror or error}; "
            f"make room or choose another place"
        )


def _format_for(path: str, encoding: SampleEncoding) -> Container | SndfileFormat:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in _BARE:
        return _BARE[suffix]
    if suffix in _LOSSY:
        return _LOSSY[suffix]
    if suffix not in _LOSSLESS:
        known = " ".join([*_BARE, *_LOSSLESS, *_LOSSY])
        raise UnsupportedAudio(
            f"cannot write {path}: the suffix has to name the format, one of {known}; "
            f"{suffix or 'no suffix'} does not"
        )
    form = SndfileFormat(_LOSSLESS[suffix], _SUBTYPES[encoding])
    if form.container == "FLAC" and encoding not in ("pcm16", "pcm24"):
        raise UnsupportedAudio(
            f"cannot write {path}: FLAC holds pcm16 or pcm24, not {encoding}; choose one of them "
            f"or .wav"
        )
    return form
