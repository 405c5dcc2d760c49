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


def test_complex_loss_is_its_definition() -> None:
    real, fake = waves(3), waves(4)
    rows = []
    for a, b in zip(real.double().numpy(), fake.double().numpy(), strict=True):
        pair = [spectrum(wav, 512) * 4 / 512 for wav in (a, b)]
        powers = [np.abs(s) ** 2 + 9e-8 for s in pair]
        packed = [s * p ** ((0.3 - 1) / 2) for s, p in zip(pair, powers, strict=True)]
        complex_part = np.abs((packed[0] - packed[1]).real) + np.abs((packed[0] - packed[1]).imag)
        rows.append(complex_part + np.abs(powers[0] ** 0.15 - powers[1] ** 0.15))
    slopes = 1 / (1 + 4.37 * np.linspace(0, RATE_HZ / 2000, 257))
    rows = [row * (slopes / slopes.mean())[:, None] for row in rows]
    found = float(compressed_complex_loss(real, fake, RATE_HZ))
    assert found == pytest.approx(float(np.mean(rows)), rel=1e-3)


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
