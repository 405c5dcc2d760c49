"""Uncompressed samples: bytes of interleaved little-endian PCM <-> float32 [C, T].

Full scale is 1.0: an integer of b bits stands for itself / 2^(b-1), so 16 and 24 bits survive
the way through float32 unchanged; 32 bits lose what does not fit into float32's 24.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import UnsupportedAudio

from .limits import FloatArray

PcmEncoding = Literal["s16le", "s24le", "s32le", "f32le"]

_BITS: dict[PcmEncoding, int] = {"s16le": 16, "s24le": 24, "s32le": 32, "f32le": 32}


def bytes_per_sample(encoding: PcmEncoding) -> int:
    """Return the bytes that one sample of one channel takes."""
    return _BITS[encoding] // 8


@dataclass(frozen=True, slots=True)
class RawFormat:
    """What a file of bare samples does not say about itself.

    Raises UnsupportedAudio for an unknown encoding.
    """

    sample_rate_hz: int
    channels: int
    encoding: PcmEncoding = "s16le"

    def __post_init__(self) -> None:
        if self.encoding not in _BITS:
            raise UnsupportedAudio(
                f"unknown encoding of raw samples {self.encoding!r}; "
                f"choose one of {', '.join(get_args(PcmEncoding))}"
            )

    @property
    def frame_bytes(self) -> int:
        """Bytes that one sample of all channels takes."""
        return self.channels * bytes_per_sample(self.encoding)


def unpack(data: bytes, encoding: PcmEncoding, channels: int) -> FloatArray:
    """Return the float32 [C, T] of `data`, which holds whole samples of all channels."""
    match encoding:
        case "s16le":
            wav = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(2**15)
        case "s24le":
            # Into the upper three bytes of an int32, so that the sign falls into place.
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            wav = wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
        case "s32le":
            wav = np.frombuffer(data, "<i4").astype(np.float32) / np.float32(2**31)
        case "f32le":
            wav = np.frombuffer(data, "<f4").astype(np.float32)
    return np.ascontiguousarray(wav.reshape(-1, channels).T)


def pack(wav: FloatArray, encoding: PcmEncoding) -> bytes:
    """Return the bytes of `wav` [C, T]; integers are rounded to nearest and clipped."""
    interleaved = wav.T
    match encoding:
        case "f32le":
            return interleaved.astype("<f4").tobytes()
        case "s16le":
            return quantize(interleaved, bits=16).astype("<i2").tobytes()
        case "s32le":
            return quantize(interleaved, bits=32).astype("<i4").tobytes()
        case "s24le":
            wide = np.ascontiguousarray(quantize(interleaved, bits=24).astype("<i4"))
            return wide.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def quantize(wav: FloatArray, *, bits: int) -> NDArray[np.int32]:
    """Return `wav` as integers of `bits` bits, any shape; to nearest, no dither, clipped.

    No dither, because the codec's own noise lies far above half a step of 16 bits.
    """
    full_scale = 2 ** (bits - 1)
    steps = np.rint(wav.astype(np.float64) * full_scale)
    whole: NDArray[np.int32] = np.clip(steps, -full_scale, full_scale - 1).astype(np.int32)
    return whole
