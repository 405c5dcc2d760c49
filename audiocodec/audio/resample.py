"""Change of sampling rate, in blocks of any size, to an exact number of samples."""

import numpy as np
import soxr

from .limits import FloatArray

# soxr's best: level to 0.01 dB up to 0.913 of the lower Nyquist frequency, errors within float32's
# own rounding. Measured, it takes hardly longer than the next lower quality (800 x real time and
# more for a channel on one core).
_QUALITY = "VHQ"
_ZEROS_AT_ONCE = 4096


def resampled_length(samples: int, from_hz: int, to_hz: int) -> int:
    """Return ceil(samples * to_hz / from_hz), in integers: the samples that cover the same time.

    Going there and back never gives fewer samples than there were, so cutting to the original
    length restores it.
    """
    return -(-samples * to_hz // from_hz)


class Resampler:
    """Band-limited resampling without delay, of a sound that comes in blocks.

    The results put together have exactly `samples` samples, or `resampled_length` of what was
    pushed when `samples` is None, and do not depend on how the input was cut into blocks, bit
    for bit. Output sample n stands for the time of input sample n * from_hz / to_hz: the filter's
    delay is taken out, so what is pushed comes out some blocks later or with `flush`. Equal rates
    hand the samples through.

    samples: cut the result to this length, or fill it up with zeros.
    """

    def __init__(
        self, from_hz: int, to_hz: int, channels: int, *, samples: int | None = None
    ) -> None:
        if from_hz < 1 or to_hz < 1 or channels < 1:
            raise ValueError(f"nothing to resample: {from_hz} to {to_hz} Hz, {channels} channels")
        self.from_hz, self.to_hz, self.channels = from_hz, to_hz, channels
        self._stream = (
            None
            if from_hz == to_hz
            else soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality=_QUALITY)
        )
        self._wanted = samples
        self._samples_in = 0
        self._samples_out = 0

    def push(self, wav: FloatArray) -> FloatArray:
        """Take float32 [C, T] with any T, return as much of the result [C, T'] as is settled."""
        if wav.ndim != 2 or wav.shape[0] != self.channels:
            raise ValueError(f"expected [{self.channels}, T], got {list(wav.shape)}")
        self._samples_in += wav.shape[1]
        return self._take(self._process(wav), self._wanted)

    def flush(self) -> FloatArray:
        """Return the rest of the result [C, T']; the sound is over."""
        natural = resampled_length(self._samples_in, self.from_hz, self.to_hz)
        wanted = natural if self._wanted is None else self._wanted
        parts = []
        # soxr's own flush rounds the length to the nearest; zeros give the same samples and one
        # more where rounding up asks for it.
        zeros = np.zeros((self.channels, _ZEROS_AT_ONCE), np.float32)
        while self._stream is not None and self._samples_out < min(natural, wanted):
            parts.append(self._take(self._process(zeros), min(natural, wanted)))
        parts.append(np.zeros((self.channels, wanted - self._samples_out), np.float32))
        self._samples_out = wanted
        return np.concatenate(parts, axis=1)

    def _process(self, wav: FloatArray) -> FloatArray:
        if self._stream is None:
            return np.ascontiguousarray(wav, dtype=np.float32)
        interleaved = np.ascontiguousarray(wav.T, dtype=np.float32)
        result: FloatArray = self._stream.resample_chunk(interleaved)
        return np.ascontiguousarray(result.T)

    def _take(self, wav: FloatArray, limit: int | None) -> FloatArray:
        if limit is not None and wav.shape[1] > limit - self._samples_out:
            wav = np.ascontiguousarray(wav[:, : limit - self._samples_out])
        self._samples_out += wav.shape[1]
        return wav


def resample(
    wav: FloatArray, from_hz: int, to_hz: int, *, samples: int | None = None
) -> FloatArray:
    """Return `wav` [C, T] at another rate: a Resampler that is given everything at once.

    The length is `resampled_length(T, from_hz, to_hz)`, or `samples`.
    """
    resampler = Resampler(from_hz, to_hz, wav.shape[0], samples=samples)
    return np.concatenate([resampler.push(wav), resampler.flush()], axis=1)
