"""All judges of a recipe as one module."""

import torch
from torch import Tensor, nn

from ..config import DiscriminatorConfig
from .bands import BandDiscriminator
from .judgement import Judgement
from .spectrogram import SpectrogramDiscriminator
from .wave import WaveDiscriminator


class Ensemble(nn.Module):
    """STFT discriminators, band discriminators and wave discriminators, in this order."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        judges: list[nn.Module] = [
            SpectrogramDiscriminator(channels=config.stft_channels, window_samples=window)
            for window in config.stft_windows
        ]
        judges += [
            BandDiscriminator(channels=config.band_channels, window_samples=window)
            for window in config.band_windows
        ]
        judges += [
            WaveDiscriminator(channels=config.wave_channels, pooling=pooling)
            for pooling in config.wave_poolings
        ]
        self.judges = nn.ModuleList(judges)

    def to_channels_last(self) -> None:
        """Lay the weights of two dimensions out with channels last; sound follows in forward."""
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def forward(self, wav: Tensor) -> list[Judgement]:
        """Judge wav [B, T] by every judge."""
        return [judge(wav) for judge in self.judges]
