"""Mel filter banks (HTK scale, triangles of unit peak) on magnitude spectra."""

from functools import lru_cache

import torch
from torch import Tensor

from .stft import magnitude, stft


@lru_cache(maxsize=64)
def mel_filters(sample_rate_hz: int, window_samples: int, mels: int) -> Tensor:
    """Return triangular filters [mels, window / 2 + 1], from 0 Hz to half the sample rate.

    Narrow filters of short windows that would fall between two bins take the nearest bin, so
    that none is empty.
    """
    with torch.inference_mode(False):  # a cached tensor must serve training as well
        bins_hz = torch.linspace(0, sample_rate_hz / 2, window_samples // 2 + 1)
        top = 2595 * torch.log10(torch.tensor(1 + sample_rate_hz / 2 / 700))
        edges_hz = 700 * (10 ** (torch.linspace(0, float(top), mels + 2) / 2595) - 1)
        low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
        rise = (bins_hz - low) / (centre - low)
        fall = (high - bins_hz) / (high - centre)
        filters = torch.minimum(rise, fall).clamp_(min=0)
        nearest = (bins_hz - centre).abs().argmin(dim=1)
        empty = filters.sum(dim=1) == 0
        filters[empty, nearest[empty]] = 1
        return filters


def mel_spectrogram(
    wav: Tensor, *, sample_rate_hz: int, window_samples: int, hop_samples: int, mels: int
) -> Tensor:
    """Return the mel magnitudes [..., mels, F] of wav [..., T], for a full-scale sine near 1."""
    filters = mel_filters(sample_rate_hz, window_samples, mels).to(wav.device, wav.dtype)
    spectrum = stft(wav, window_samples=window_samples, hop_samples=hop_samples)
    # A Hann window sums to half its length, and a sine's energy lies on both sides of 0 Hz.
    return filters @ (magnitude(spectrum) * (4 / window_samples))
