"""Mel filters cover the band without holes, and magnitudes are on the scale of the wave."""

import math

import pytest
import torch

from audiocodec.signal.mel import mel_filters, mel_spectrogram


@pytest.mark.parametrize("rate_hz", [8_000, 24_000])
@pytest.mark.parametrize("window", [32, 64, 512, 2048])
@pytest.mark.parametrize("mels", [8, 64, 80])
def test_no_filter_is_empty(rate_hz: int, window: int, mels: int) -> None:
    filters = mel_filters(rate_hz, window, mels)
    assert filters.shape == (mels, window // 2 + 1)
    assert (filters >= 0).all() and (filters <= 1).all()
    assert (filters.sum(dim=1) > 0).all()


def test_filters_rise_to_their_centres_in_order() -> None:
    filters = mel_filters(24_000, 2048, 80)
    peaks = filters.argmax(dim=1)
    assert (peaks.diff() > 0).all()
    # HTK: mel = 2595 log10(1 + f / 700); 82 points from 0 Hz to 12 kHz, the 40th is a centre.
    mel = 2595 * math.log10(1 + 12_000 / 700) * 40 / 81
    centre_hz = 700 * (10 ** (mel / 2595) - 1)
    assert abs(float(peaks[39]) * 24_000 / 2048 - centre_hz) < 24_000 / 2048


def test_neighbours_sum_to_one_between_the_first_and_the_last_centre() -> None:
    filters = mel_filters(24_000, 4096, 20)
    covered = filters.sum(dim=0)[int(filters[0].argmax()) + 1 : int(filters[-1].argmax())]
    torch.testing.assert_close(covered, torch.ones_like(covered), atol=1e-4, rtol=0)


@pytest.mark.parametrize("frequency_hz", [500.0, 1000.0, 3000.0, 9000.0])
@pytest.mark.parametrize("window", [512, 2048])
def test_a_full_scale_sine_is_near_one(frequency_hz: float, window: int) -> None:
    wav = torch.sin(2 * math.pi * frequency_hz * torch.arange(24_000) / 24_000)
    mels = mel_spectrogram(
        wav, sample_rate_hz=24_000, window_samples=window, hop_samples=window // 4, mels=40
    )
    loudest = mels[:, 5:-5].amax(dim=0).mean()
    # 1 for a narrow filter that has the sine's bin alone; 2 for one that is flat over the window's
    # lobe; half of it for a sine between two filters.
    assert 0.5 < float(loudest) < 2


def test_it_is_linear_in_level_and_keeps_leading_axes() -> None:
    wav = torch.randn(2, 3, 4000, generator=torch.Generator().manual_seed(0))

    def measure(x: torch.Tensor) -> torch.Tensor:
        return mel_spectrogram(
            x, sample_rate_hz=24_000, window_samples=512, hop_samples=128, mels=20
        )

    assert measure(wav).shape == (2, 3, 20, 32)
    torch.testing.assert_close(measure(2 * wav), 2 * measure(wav), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(measure(wav)[1, 2], measure(wav[1, 2]))
