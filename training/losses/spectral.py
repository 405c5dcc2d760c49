"""Multi-scale spectral losses on mel spectra."""

import math

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


FLOOR = 3e-4
"""Amplitude below which nothing counts, -70 dB of full scale.

With 1e-5 the loss is hardly larger, but its gradient 3 to 10 times: nearly all of it then asks
for the right noise below hearing.
"""
LOG_MEL_SCALES = ((64, 10), (128, 20), (256, 40), (512, 64), (1024, 96), (2048, 160))


def log_mel_loss(real: Tensor, fake: Tensor, sample_rate_hz: int) -> Tensor:
    """Return the mean L1 distance of log10 mels of waves [B, T], averaged over six windows.

    Unlike the paper's, every window has only as many mels as its bins can tell apart, and
    logarithms alone count; bounded by FLOOR.
    """
    total = real.new_zeros(())
    for window, mels in LOG_MEL_SCALES:
        a, b = (_mels(wav, sample_rate_hz, window, mels) for wav in (real, fake))
        total = total + (a.clamp(min=FLOOR).log10() - b.clamp(min=FLOOR).log10()).abs().mean()
    return total / len(LOG_MEL_SCALES)


COMPLEX_WINDOW = 512
COMPRESSION = 0.3


def erb_weights(bins: int, sample_rate_hz: int) -> Tensor:
    """Return how much of the ear's frequency scale each of linear bins takes, [bins], mean 1.

    The slope of the ERB-rate scale (Glasberg and Moore 1990), 1 / (1 + 4.37 f / kHz).
    """
    f_khz = torch.linspace(0, sample_rate_hz / 2000, bins)
    weights = 1 / (1 + 4.37 * f_khz)
    return weights / weights.mean()


def compressed_complex_loss(real: Tensor, fake: Tensor, sample_rate_hz: int) -> Tensor:
    """Return the L1 distance of power-law compressed spectra of waves [B, T], phase included.

    |S|^0.3 stands for loudness, so quiet partials count; the complex part asks for the right
    phase, which magnitudes never do; the magnitude part is what remains to be gained where
    phase is out of reach. Bins are weighted as the ear spaces them, which puts the phases of low
    harmonics before those of hiss. Window of 512, hop of 128 samples.
    """
    with torch.no_grad():
        wanted = _compressed(real)
    found = _compressed(fake)
    weights = erb_weights(wanted[0].shape[-2], sample_rate_hz).to(real.device)[:, None]
    distances = [((a - b).abs() * weights).mean() for a, b in zip(wanted, found, strict=True)]
    return torch.stack(distances).sum()


def _compressed(wav: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return real part, imaginary part and magnitude of the compressed spectrum, [B, bins, F]."""
    spectrum = stft(wav, window_samples=COMPLEX_WINDOW, hop_samples=COMPLEX_WINDOW // 4)
    real, imaginary = spectrum.real * (4 / COMPLEX_WINDOW), spectrum.imag * (4 / COMPLEX_WINDOW)
    # A logarithm and two exponentials cost less backwards than powers do.
    log_power = torch.log(real.square() + imaginary.square() + FLOOR**2)
    compress = torch.exp(log_power * ((COMPRESSION - 1) / 2))
    return real * compress, imaginary * compress, torch.exp(log_power * (COMPRESSION / 2))


SPECTRAL_LOSSES = {
    "paper": paper_spectral_loss,
    "log_mel": log_mel_loss,
}
