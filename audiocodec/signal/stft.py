"""Short-time Fourier transform with the padding that losses and metrics here agree on."""

import torch
from torch import Tensor
from torch.nn import functional


def stft(wav: Tensor, *, window_samples: int, hop_samples: int) -> Tensor:
    """Return the complex spectrum [..., window / 2 + 1, F] of wav [..., T] (Hann window).

    The signal is padded with silence by half a window on both sides, so frame f is centred on
    sample f hop, and F = T // hop + 1.
    """
    half = window_samples // 2
    flat = functional.pad(wav.reshape(-1, wav.shape[-1]), (half, half))
    window = torch.hann_window(window_samples, device=wav.device, dtype=wav.dtype)
    spectrum = torch.stft(
        flat, window_samples, hop_samples, window=window, center=False, return_complex=True
    )
    return spectrum.reshape(*wav.shape[:-1], *spectrum.shape[-2:])


def magnitude(spectrum: Tensor) -> Tensor:
    """Return |spectrum| with a gradient that stays finite at silence."""
    return (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
