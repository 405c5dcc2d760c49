"""Integrated loudness by ITU-R BS.1770-4, measured block by block.

The filter's coefficients for other rates than 48 kHz are those of libebur128, from the analogue
filters behind the recommendation's table. It is applied to the spectra of overlapping stretches.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .limits import FloatArray

ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LUFS = -0.691
_STEPS = 4  # of 100 ms in a gating block: neighbours overlap by three quarters
_WEIGHTS = {5: (1, 1, 1, 1.41, 1.41), 6: (1, 1, 1, 0, 1.41, 1.41)}  # L R C (LFE) Ls Rs


class LoudnessMeter:
    """Blocks of sound in, one number out.

    peak: largest absolute sample so far.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self.peak = 0.0
        self._step = round(sample_rate_hz / 10)
        self._history = sample_rate_hz // 4  # the filter has forgotten all before
        size = 1 << (self._history + 10 * self._step - 1).bit_length()
        self._stretch = (size - self._history) // self._step * self._step
        self._size, self._response = size, _response(sample_rate_hz, size)
        self._weights = np.array(_WEIGHTS.get(channels, (1,) * channels))
        self._before = np.zeros((channels, self._history), np.float32)
        self._waiting: FloatArray = np.zeros((channels, 0), np.float32)
        self._powers: list[NDArray[np.float64]] = []

    def push(self, block: FloatArray) -> None:
        """Take the next samples [C, T], full scale at 1."""
        self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
        waiting = np.concatenate([self._waiting, block], axis=1)
        while waiting.shape[1] >= self._stretch:
            self._measure(waiting[:, : self._stretch])
            waiting = waiting[:, self._stretch :]
        self._waiting = waiting.copy()

    def loudness_lufs(self) -> float | None:
        """Return the loudness of all that was pushed; None below the gate or for under 0.4 s."""
        rest = self._waiting.shape[1] // self._step * self._step
        if rest:
            self._measure(self._waiting[:, :rest])
            self._waiting = self._waiting[:, rest:]
        steps = np.concatenate([np.zeros(0), *self._powers])
        if len(steps) < _STEPS:
            return None
        blocks = np.convolve(steps, np.full(_STEPS, 1 / _STEPS), "valid")
        gate = 10 ** ((ABSOLUTE_GATE_LUFS - _OFFSET_LUFS) / 10)
        blocks = blocks[blocks > gate]
        if not len(blocks):
            return None
        blocks = blocks[blocks > blocks.mean() * 10 ** (RELATIVE_GATE_LU / 10)]
        return _OFFSET_LUFS + 10 * math.log10(blocks.mean())

    def _measure(self, stretch: FloatArray) -> None:
        """Add the mean squares of the filtered steps of 100 ms."""
        joined = np.concatenate([self._before, stretch], axis=1)
        spectrum = np.fft.rfft(joined.astype(np.float64), self._size) * self._response
        filtered = np.fft.irfft(spectrum, self._size)[:, self._history : joined.shape[1]]
        squares = np.square(filtered).reshape(len(filtered), -1, self._step).mean(axis=2)
        self._powers.append(self._weights @ squares)
        self._before = joined[:, -self._history :]


def _response(sample_rate_hz: int, size: int) -> NDArray[np.complex128]:
    """Return the K-weighting at the frequencies of a real spectrum of `size` samples."""
    shift = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)  # one sample later
    shelf = math.tan(math.pi * 1681.974450955533 / sample_rate_hz)
    damping, high = shelf / 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle, square = high**0.4996667741545416 * damping, shelf * shelf
    head = (high + middle + square, 2 * (square - high), high - middle + square)
    head_poles = (1 + damping + square, 2 * (square - 1), 1 - damping + square)
    low = math.tan(math.pi * 38.13547087602444 / sample_rate_hz)
    damping, square = low / 0.5003270373238773, low * low
    # The recommendation's second filter is not normalised: 1, -2, 1.
    scale = 1 + damping + square
    ears = (scale, -2 * scale, scale)
    ears_poles = (1 + damping + square, 2 * (square - 1), 1 - damping + square)
    found: NDArray[np.complex128] = np.ones(len(shift), np.complex128)
    for zeros, poles in ((head, head_poles), (ears, ears_poles)):
        found *= np.polynomial.polynomial.polyval(shift, zeros)
        found /= np.polynomial.polynomial.polyval(shift, poles)
    return found
