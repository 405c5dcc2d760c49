"""The spectra of layers/spectrum.py on numpy arrays [T, C], by packed matrices."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from .rows import FloatArray, Past, RowConv1d, RowConvTranspose1d
from .spectrum import COMPRESSION, FLOOR, fourier_basis, synthesis_basis

_CPU = torch.device("cpu")
_FLOOR, _COMPRESS = np.float32(FLOOR), np.float32((COMPRESSION - 1) / 2)


@lru_cache(maxsize=16)
def _analysis(hop_samples: int) -> RowConv1d:
    with torch.inference_mode(False):
        basis = fourier_basis(hop_samples, _CPU) * (1 / hop_samples)
        return RowConv1d.of(basis, None, stride=hop_samples)


@lru_cache(maxsize=16)
def _synthesis(hop_samples: int) -> RowConvTranspose1d:
    return RowConvTranspose1d.of(synthesis_basis(hop_samples, _CPU), None, stride=hop_samples)


@dataclass(frozen=True, slots=True)
class RowSpectrumStem:
    """`SpectrumStem`: wav [F hop, 1] to features [F, out]."""

    project: RowConv1d
    hop_samples: int

    def run(self, x: FloatArray, past: Past) -> tuple[FloatArray, Past]:
        """Return (y, the past after x)."""
        spectrum, after = _analysis(self.hop_samples).run(x, past)
        bins = self.hop_samples + 1
        features = np.empty((len(spectrum), 3 * bins), np.float32)
        squares = spectrum * spectrum
        log_power = np.log(squares[:, :bins] + squares[:, bins:] + _FLOOR)
        compress = np.exp(log_power * _COMPRESS)
        np.multiply(spectrum[:, :bins], compress, out=features[:, :bins])
        np.multiply(spectrum[:, bins:], compress, out=features[:, bins : 2 * bins])
        np.multiply(log_power + np.float32(14), np.float32(0.1), out=features[:, 2 * bins :])
        y, _ = self.project.run(features, None)
        return y, after


@dataclass(frozen=True, slots=True)
class RowSpectrumHead:
    """`SpectrumHead`: features [F, in] to wav [F hop, 1], one hop late."""

    project: RowConv1d
    hop_samples: int

    def run(self, x: FloatArray, past: Past) -> tuple[FloatArray, Past]:
        """Return (y, the past after x)."""
        numbers, _ = self.project.run(x, None)
        bins = self.hop_samples + 1
        loudness, parts = numbers[:, :bins], numbers[:, bins:]
        rise = np.exp(np.minimum(np.float32(4.7) - loudness, np.float32(40)))
        magnitude = np.float32(2 * self.hop_samples) / (np.float32(1) + rise)
        squares = parts * parts
        unit = magnitude / np.sqrt(squares[:, :bins] + squares[:, bins:] + _FLOOR)
        spectrum = np.empty((len(x), 2 * bins), np.float32)
        np.multiply(parts[:, :bins], unit, out=spectrum[:, :bins])
        np.multiply(parts[:, bins:], unit, out=spectrum[:, bins:])
        return _synthesis(self.hop_samples).run(spectrum, past)
