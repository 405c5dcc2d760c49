"""Multi-scale spectral losses on mel spectra."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from audiocodec.signal.mel import mel_spectrogram
from audiocodec.signal.stft import stft

PAPER_WINDOWS = (64, 128, 256, 512, 1024, 2048)
PAPER_MELS = 64


def _mels(wav: Tensor, sample_rate_hz: int, window_samples: int, mels: int) -> Tensor:
    """Return the mels [B, mels, F] of wav [B, T], with a hop of a quarter of the window."""
    return mel_spectrogram(
        wav,
        sample_rate_hz=sample_rate_hz,
        window_samples=window_samples,
        hop_samples=window_samples // 4,
        mels=mels,
    )


def paper_spectral_loss(real: Tensor, fake: Tensor, sample_rate_hz: int) -> Tensor:
    """Return the spectral loss of SoundStream (equations 4 and 5) for waves [B, T].

    Per window s, with hop s / 4 and 64 mels: the L1 norm of the difference of the mels plus
    sqrt(s / 2) times the L2 norm of the difference of their logarithms, norms over mels, means
    over frames and batch; summed over windows 2^6 .. 2^11.
    """
    total = real.new_zeros(())
    for window in PAPER_WINDOWS:
        a, b = (_mels(wav, sample_rate_hz, window, PAPER_MELS) for wav in (real, fake))
        logs = a.clamp(min=1e-5).log() - b.clamp(min=1e-5).log()
        l2 = (logs.square().sum(dim=-2) + 1e-8).sqrt()
        total = total + (a - b).abs().sum(dim=-2).mean() + math.sqrt(window / 2) * l2.mean()
    return total


MEL_FLOOR = 1e-4
"""Amplitude below which no mel counts, -80 dB of full scale.

With 1e-5 the loss is hardly larger, but its gradient 3 to 10 times: nearly all of it then asks
for the right noise below hearing.
"""
LOG_MEL_SCALES = ((64, 10), (128, 20), (256, 40), (512, 64), (1024, 96), (2048, 160))


def log_mel_loss(real: Tensor, fake: Tensor, sample_rate_hz: int) -> Tensor:
    """Return the mean L1 distance of log10 mels of waves [B, T], averaged over six windows.

    Unlike the paper's, every window has only as many mels as its bins can tell apart, and
    logarithms alone count; bounded by MEL_FLOOR.
    """
    total = real.new_zeros(())
    for window, mels in LOG_MEL_SCALES:
        a, b = (_mels(wav, sample_rate_hz, window, mels) for wav in (real, fake))
        a, b = (wav.clamp(min=MEL_FLOOR).log10() for wav in (a, b))
        total = total + (a - b).abs().mean()
    return total / len(LOG_MEL_SCALES)


PHASE_WINDOW = 512
MAGNITUDE_WINDOWS = (256, 512, 1024)
PHASE_HZ = 1500.0
"""Where a few kilobits stop to pay for phases; around it they count a half, an octave up 1/17."""
MAGNITUDE_SHARE = 1.5
COMPRESSION = 0.3
FLOOR = 3e-4
"""Amplitude of a bin, -70 dB, around which compression ends, so that its slope stays finite."""


def erb_weights(bins: int, sample_rate_hz: int) -> Tensor:
    """Return how much of the ear's frequency scale each of linear bins takes, [bins], mean 1.

    The slope of the ERB-rate scale (Glasberg and Moore 1990), 1 / (1 + 4.37 f / kHz).
    """
    f_khz = torch.linspace(0, sample_rate_hz / 2000, bins)
    weights = 1 / (1 + 4.37 * f_khz)
    return weights / weights.mean()


def compressed_complex_loss(real: Tensor, fake: Tensor, sample_rate_hz: int) -> Tensor:
    """Return the L1 distance of power-law compressed spectra of waves [B, T], phase included.

    |S|^0.3 stands for loudness, so quiet partials count. Phases are asked for where they can be
    had, below about PHASE_HZ: above, where they stay a matter of chance, their distance is least
    for silence, and a codec that listens to it becomes dull by 10 dB. Magnitudes count
    everywhere, in three windows, so that partials stand out as well as onsets. Bins are weighted
    as the ear spaces them. All hops are a quarter of the window.
    """
    total = real.new_zeros(())
    for window in MAGNITUDE_WINDOWS:
        with torch.no_grad():
            wanted = _compressed(real, window)
        found = _compressed(fake, window)
        bins = window // 2 + 1
        ear = erb_weights(bins, sample_rate_hz).to(real.device)[:, None]
        loudness = ((wanted.magnitude - found.magnitude).abs() * ear).mean()
        total = total + MAGNITUDE_SHARE / len(MAGNITUDE_WINDOWS) * loudness
        if window == PHASE_WINDOW:
            f_hz = torch.linspace(0, sample_rate_hz / 2, bins, device=real.device)
            low = ear / (1 + (f_hz / PHASE_HZ) ** 4)[:, None]
            for a, b in ((wanted.real, found.real), (wanted.imaginary, found.imaginary)):
                total = total + ((a - b).abs() * low).mean()
    return total


class _Compressed(NamedTuple):
    """A compressed spectrum, each [B, bins, F]."""

    real: Tensor
    imaginary: Tensor
    magnitude: Tensor


def _compressed(wav: Tensor, window: int) -> _Compressed:
    """Return the compressed spectrum of wav [B, T]; noise is as large in every window."""
    spectrum = stft(wav, window_samples=window, hop_samples=window // 4)
    scale = 4 / math.sqrt(window * PHASE_WINDOW)
    real, imaginary = spectrum.real * scale, spectrum.imag * scale
    # A logarithm and two exponentials cost less backwards than powers do.
    log_power = torch.log(real.square() + imaginary.square() + FLOOR**2)
    compress = torch.exp(log_power * ((COMPRESSION - 1) / 2))
    magnitude = torch.exp(log_power * (COMPRESSION / 2))
    return _Compressed(real * compress, imaginary * compress, magnitude)


SPECTRAL_LOSSES = {
    "paper": paper_spectral_loss,
    "log_mel": log_mel_loss,
}
