"""What sound is taken at all, and how the refusal of a sample that is no number is worded."""

import os
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import UnsupportedAudio

FloatArray = NDArray[np.float32]
PathLike = str | os.PathLike[str]

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 192_000
MAX_CHANNELS = 8


def check_bounds(name: str, *, sample_rate_hz: int, channels: int) -> None:
    """Raise UnsupportedAudio unless the rate is 8 to 192 kHz and there are 1 to 8 channels."""
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise UnsupportedAudio(
            f"{name}: sample rates of {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are supported, this is "
            f"{sample_rate_hz} Hz; resample it first"
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise UnsupportedAudio(
            f"{name}: 1 to {MAX_CHANNELS} channels are supported, this has {channels}; "
            f"mix it down or split it first"
        )


def check_finite(name: str, wav: FloatArray, *, position: int, sample_rate_hz: int) -> None:
    """Raise UnsupportedAudio naming the first NaN or infinity of `wav` [C, T].

    position: index in the whole sound of the first sample of `wav`.
    """
    finite = np.isfinite(wav)
    if finite.all():
        return
    offset = int(np.argmin(finite.all(axis=0)))
    channel = int(np.argmin(finite[:, offset]))
    index = position + offset
    raise UnsupportedAudio(
        f"{name}: every sample must be a finite number, but sample {index} "
        f"({index / sample_rate_hz:.6f} s) of channel {channel}, counting both from 0, is "
        f"{float(wav[channel, offset])}; repair the sound first"
    )


def stream_name(stream: BinaryIO) -> str:
    """Return what messages call a stream that came without a path."""
    name = getattr(stream, "name", None)
    standard = {"<stdin>": "standard input", "<stdout>": "standard output"}
    return standard.get(name, name) if isinstance(name, str) else "the stream"
