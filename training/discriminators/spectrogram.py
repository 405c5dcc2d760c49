"""STFT discriminator: a residual 2-D network on real and imaginary parts (SoundStream, III-D)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.signal.stft import stft

from .judgement import Judgement

STRIDES = ((1, 2), (2, 2), (1, 2), (2, 2), (1, 2), (2, 2))
"""Of the six units, (time, frequency)."""
GROWTH = (1, 2, 4, 4, 8, 8)


class ResidualUnit2d(nn.Module):
    """k3 convolution, then a strided one, beside a strided k1: figure 4 of the paper."""

    def __init__(self, narrow: int, wide: int, stride: tuple[int, int]) -> None:
        super().__init__()
        kernel = (stride[0] + 2, stride[1] + 2)
        padding = ((kernel[0] - 1) // 2, (kernel[1] - 1) // 2)
        self.first = nn.Conv2d(narrow, narrow, 3, padding=1)
        self.second = nn.Conv2d(narrow, wide, kernel, stride, padding)
        self.beside = nn.Conv2d(narrow, wide, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, narrow, F, bins] to [B, wide, F / stride, bins / stride]."""
        inner = self.first(functional.leaky_relu(x, 0.2))
        y: Tensor = self.second(functional.leaky_relu(inner, 0.2))
        beside: Tensor = self.beside(x)
        frames, bins = min(y.shape[2], beside.shape[2]), min(y.shape[3], beside.shape[3])
        return y[:, :, :frames, :bins] + beside[:, :, :frames, :bins]


class SpectrogramDiscriminator(nn.Module):
    """One logit per (downsampled) time step from the complex spectrum of a wave [B, T]."""

    def __init__(self, *, channels: int, window_samples: int = 1024) -> None:
        super().__init__()
        self.window_samples = window_samples
        self.stem = nn.Conv2d(2, channels, 7, padding=3)
        widths = [channels, *(channels * growth for growth in GROWTH)]
        self.units = nn.ModuleList(
            ResidualUnit2d(narrow, wide, stride)
            for (narrow, wide), stride in zip(pairwise(widths), STRIDES, strict=True)
        )
        bins = window_samples // 2
        for _, stride in STRIDES:
            bins = (bins + stride - 1) // stride
        self.head = nn.Conv2d(widths[-1], 1, (1, bins))

    def forward(self, wav: Tensor) -> Judgement:
        """Judge wav [B, T]."""
        window = self.window_samples
        spectrum = stft(wav.float(), window_samples=window, hop_samples=window // 4)
        # The bin at 0 Hz is left out: the rest is a power of two, which the strides divide.
        x = torch.stack([spectrum.real, spectrum.imag], dim=1)[:, :, 1:].transpose(2, 3)
        x = self.stem(x * (8 / window**0.5))
        maps = [x]
        for unit in self.units:
            x = unit(x)
            maps.append(x)
        logits = self.head(functional.leaky_relu(x, 0.2))
        return Judgement(logits=logits[:, 0, :, 0], maps=maps)
