"""The transform agrees with numpy's FFT frame by frame, and with torch's."""

import numpy as np
import pytest
import torch

from audiocodec.signal.stft import magnitude, stft


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("window", "hop"), [(64, 16), (512, 128), (30, 7)])
def test_frames_are_windowed_ffts(window: int, hop: int) -> None:
    wav = noise(500)
    found = stft(wav, window_samples=window, hop_samples=hop).numpy()
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.pad(wav.numpy(), window // 2)
    begins = range(0, len(padded) - window + 1, hop)
    expected = np.stack([np.fft.rfft(hann * padded[b : b + window]) for b in begins], axis=-1)
    assert found.shape == (window // 2 + 1, 500 // hop + 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_it_is_torchs_with_silence_around() -> None:
    wav = noise(2, 3, 400)
    found = stft(wav, window_samples=128, hop_samples=32)
    expected = torch.stft(
        wav.reshape(6, 400),
        128,
        32,
        window=torch.hann_window(128),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    torch.testing.assert_close(found, expected.reshape(2, 3, 65, 13), atol=1e-5, rtol=1e-5)


def test_magnitude_is_the_absolute_value() -> None:
    spectrum = torch.tensor([3 + 4j, -2j, 1 + 0j])
    torch.testing.assert_close(magnitude(spectrum), torch.tensor([5.0, 2.0, 1.0]))


def test_silence_has_a_finite_gradient() -> None:
    wav = torch.zeros(300, requires_grad=True)
    total = magnitude(stft(wav, window_samples=64, hop_samples=16)).sum()
    (gradient,) = torch.autograd.grad(total, wav)
    assert gradient.isfinite().all()
