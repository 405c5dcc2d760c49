"""Band discriminator: one-dimensional networks on the bands of a compressed complex spectrum."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.signal.stft import stft

from .judgement import Judgement

BANDS = 8
COMPRESSION = 0.3
FLOOR = 3e-4
"""Amplitude of the sine whose bin counts half, -70 dB of full scale."""


class BandDiscriminator(nn.Module):
    """One logit per frame and band.

    Every band of a short-time spectrum, its bins as channels, goes through a convolutional
    network over time of its own. Products of many channels are what CPUs do well, so this judge
    costs a fraction of a two-dimensional one. It hears real and imaginary part of |S|^0.3, and
    the logarithm of the power; what is below FLOOR weighs little.
    """

    def __init__(self, *, channels: int, window_samples: int) -> None:
        super().__init__()
        self.window_samples = window_samples
        bins, wide = window_samples // 2 // BANDS, BANDS * channels
        self.layers = nn.ModuleList(
            [
                nn.Conv1d(BANDS * 3 * bins, wide, 3, padding=1, groups=BANDS),
                nn.Conv1d(wide, wide, 5, padding=2, groups=BANDS),
                nn.Conv1d(wide, wide, 5, padding=4, dilation=2, groups=BANDS),
                nn.Conv1d(wide, wide, 5, padding=8, dilation=4, groups=BANDS),
            ]
        )
        self.head = nn.Conv1d(wide, BANDS, 3, padding=1, groups=BANDS)
        # torch's own start shrinks the signal in every layer, and the judge then learns late.
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.get_parameter("weight"), a=0.2)
            nn.init.zeros_(layer.get_parameter("bias"))

    def forward(self, wav: Tensor) -> Judgement:
        """Judge wav [B, T]."""
        window = self.window_samples
        spectrum = stft(wav.float(), window_samples=window, hop_samples=window // 4)[:, 1:]
        re, im = spectrum.real * (4 / window), spectrum.imag * (4 / window)
        log_power = torch.log(re.square() + im.square() + FLOOR**2)
        compress = torch.exp(log_power * ((COMPRESSION - 1) / 2))
        # Scaled to about 1 where there is speech.
        parts = [4 * re * compress, 4 * im * compress, 0.3 * log_power + 3]
        x = torch.stack(parts, dim=1)  # [B, 3, bins, F]
        batch, _, bins, frames = x.shape
        x = x.reshape(batch, 3, BANDS, bins // BANDS, frames).transpose(1, 2)
        x = x.reshape(batch, -1, frames)
        maps = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            maps.append(x)
        return Judgement(logits=self.head(x).flatten(1), maps=maps)
