"""Spectral losses against their equations, written out independently in numpy."""

import math

import numpy as np
import pytest
import torch
from audiocodec.training.losses.spectral import (
    SPECTRAL_LOSSES,
    compressed_complex_loss,
    log_mel_loss,
    paper_spectral_loss,
)
from torch import Tensor

from audiocodec.signal.mel import mel_filters

RATE_HZ = 8000


def waves(seed: int, samples: int = 700) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.3 * torch.randn(2, samples, generator=generator)


def spectrum(wav: np.ndarray, window: int) -> np.ndarray:
    """Return the STFT [bins, frames] by definition: frame f is centred on sample f hop."""
    hop, half = window // 4, window // 2
    padded = np.concatenate([np.zeros(half), wav, np.zeros(half)])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = [padded[f * hop :][:window] * hann for f in range(len(wav) // hop + 1)]
    return np.asarray(np.fft.rfft(np.array(frames), axis=1).T)


def mels(wav: np.ndarray, window: int, count: int) -> np.ndarray:
    magnitude = np.sqrt(np.abs(spectrum(wav, window)) ** 2 + 1e-9) * 4 / window
    filters = mel_filters(RATE_HZ, window, count).double().numpy()
    return np.asarray(np.maximum(filters @ magnitude, 1e-5))


def test_paper_loss_is_equations_4_and_5() -> None:
    real, fake = waves(0), waves(1)
    expected = 0.0
    for window in (64, 128, 256, 512, 1024, 2048):
        pairs = [
            (mels(a, window, 64), mels(b, window, 64))
            for a, b in zip(real.double().numpy(), fake.double().numpy(), strict=True)
        ]
        l1 = np.mean([np.abs(a - b).sum(axis=0) for a, b in pairs])
        l2 = np.mean([np.sqrt(((np.log(a) - np.log(b)) ** 2).sum(axis=0)) for a, b in pairs])
        expected += l1 + math.sqrt(window / 2) * l2
    assert float(paper_spectral_loss(real, fake, RATE_HZ)) == pytest.approx(expected, rel=1e-4)


def test_log_mel_loss_of_half_the_level_is_its_logarithm() -> None:
    # Loud noise only, so that no mel lies below the bound.
    real = waves(2, samples=6000)
    assert float(log_mel_loss(real, real / 2, RATE_HZ)) == pytest.approx(math.log10(2), rel=1e-3)


def compressed(wav: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the compressed spectrum and its magnitude, each [bins, frames], by definition."""
    bins = spectrum(wav, window) * 4 / math.sqrt(window * 512)
    power = np.abs(bins) ** 2 + 9e-8
    return bins * power ** ((0.3 - 1) / 2), power**0.15


def test_complex_loss_is_its_definition() -> None:
    real, fake = waves(3), waves(4)
    expected = 0.0
    for a, b in zip(real.double().numpy(), fake.double().numpy(), strict=True):
        for window in (256, 512, 1024):
            f_hz = np.linspace(0, RATE_HZ / 2, window // 2 + 1)
            slopes = 1 / (1 + 4.37 * f_hz / 1000)
            ear = (slopes / slopes.mean())[:, None]
            (one, loud), (two, found) = compressed(a, window), compressed(b, window)
            expected += 0.5 * np.mean(np.abs(loud - found) * ear)
            if window == 512:
                apart = np.abs((one - two).real) + np.abs((one - two).imag)
                expected += np.mean(apart * ear / (1 + (f_hz / 1500) ** 4)[:, None])
    found_loss = float(compressed_complex_loss(real, fake, RATE_HZ))
    assert found_loss == pytest.approx(expected / len(real), rel=1e-3)


def test_complex_loss_asks_for_loudness_where_phases_are_out_of_reach() -> None:
    radians = 2 * torch.pi * torch.arange(24_000)[None] / 24_000
    treble, shifted = (torch.cos(5000 * radians + phase) * 0.1 for phase in (0, 2))
    wrong = float(compressed_complex_loss(treble, shifted, 24_000))
    assert wrong < 0.8 * float(compressed_complex_loss(treble, 0.3 * shifted, 24_000))
    voice, shifted = (torch.cos(300 * radians + phase) * 0.1 for phase in (0, 2))
    wrong = float(compressed_complex_loss(voice, shifted, 24_000))
    assert wrong > float(compressed_complex_loss(voice, 0.3 * shifted, 24_000))


def complex_loss(real: Tensor, fake: Tensor, sample_rate_hz: int) -> Tensor:
    loss: Tensor = compressed_complex_loss(real, fake, sample_rate_hz)
    return loss


LOSSES = {**SPECTRAL_LOSSES, "complex": complex_loss}


def test_complex_loss_hears_polarity_and_mel_losses_do_not() -> None:
    wav = waves(5)
    heard = {name: float(loss(wav, -wav, RATE_HZ)) for name, loss in LOSSES.items()}
    same = {name: float(loss(wav, wav, RATE_HZ)) for name, loss in LOSSES.items()}
    assert heard["complex"] > 0.1 and same["complex"] == 0
    assert heard["log_mel"] == pytest.approx(same["log_mel"], abs=1e-4)
    assert heard["paper"] == pytest.approx(same["paper"], rel=1e-2)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_least_at_the_truth_and_finite_at_silence(name: str) -> None:
    loss = LOSSES[name]
    real = waves(6)
    same = float(loss(real, real, RATE_HZ))
    assert same < 0.05 * float(loss(real, waves(7), RATE_HZ))
    silence = torch.zeros(2, 700, requires_grad=True)
    loss(torch.zeros(2, 700), silence, RATE_HZ).backward()
    assert silence.grad is not None and torch.isfinite(silence.grad).all()
    # Mel losses have no slope at digital silence: magnitudes below their bound are all alike.
    quiet = torch.full((2, 700), 1e-2).requires_grad_()
    loss(real, quiet, RATE_HZ).backward()
    assert quiet.grad is not None and torch.isfinite(quiet.grad).all()
    assert quiet.grad.abs().max() > 0
