"""Distances between a sound and its copy that need nothing but torch."""

import torch
from torch import Tensor

from audiocodec.signal.mel import mel_spectrogram
from audiocodec.signal.stft import magnitude, stft


def si_sdr_db(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the scale-invariant signal-to-distortion ratio of [..., T] in dB, as [...].

    Source: Le Roux et al., "SDR - half-baked or well done?" (arXiv 1811.02508), equation 2.
    """
    reference = reference - reference.mean(dim=-1, keepdim=True)
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    energy = reference.square().sum(dim=-1, keepdim=True) + 1e-12
    target = (reference * estimate).sum(dim=-1, keepdim=True) / energy * reference
    ratio = target.square().sum(dim=-1) / ((estimate - target).square().sum(dim=-1) + 1e-12)
    return 10 * torch.log10(ratio + 1e-12)


def mel_distance(reference: Tensor, estimate: Tensor, sample_rate_hz: int) -> Tensor:
    """Return the mean L1 distance of log10 mels of [..., T] over three window lengths."""
    total = reference.new_zeros(())
    for window in (512, 1024, 2048):
        mels = [
            mel_spectrogram(
                wav,
                sample_rate_hz=sample_rate_hz,
                window_samples=window,
                hop_samples=window // 4,
                mels=80,
            )
            for wav in (reference, estimate)
        ]
        logs = [mel.clamp(min=1e-5).log10() for mel in mels]
        total = total + (logs[0] - logs[1]).abs().mean()
    return total / 3


def stft_distance(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the multi-resolution distance of magnitude spectra of [..., T].

    The mean over windows of 512, 1024 and 2048 samples of spectral convergence plus the mean L1
    distance of natural logarithms, as in Yamamoto et al., "Parallel WaveGAN" (arXiv 1910.11480),
    equations 3 to 6, with logarithms floored 100 dB below full scale.
    """
    total = reference.new_zeros(())
    for window in (512, 1024, 2048):
        magnitudes = [
            magnitude(stft(wav, window_samples=window, hop_samples=window // 4)) * (4 / window)
            for wav in (reference, estimate)
        ]
        error = (magnitudes[0] - magnitudes[1]).norm() / magnitudes[0].norm().clamp(min=1e-12)
        logs = [values.clamp(min=1e-5).log() for values in magnitudes]
        total = total + error + (logs[0] - logs[1]).abs().mean()
    return total / 3
