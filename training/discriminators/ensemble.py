"""All judges of a recipe as one module."""

from torch import Tensor, nn

from ..config import DiscriminatorConfig
from .judgement import Judgement
from .spectrogram import SpectrogramDiscriminator
from .wave import WaveDiscriminator


class Ensemble(nn.Module):
    """The STFT discriminators, one per window, and the wave discriminators, one per pooling."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        judges: list[nn.Module] = [
            SpectrogramDiscriminator(channels=config.stft_channels, window_samples=window)
            for window in config.stft_windows
        ]
        judges += [
            WaveDiscriminator(channels=config.wave_channels, pooling=pooling)
            for pooling in config.wave_poolings
        ]
        self.judges = nn.ModuleList(judges)

    def forward(self, wav: Tensor) -> list[Judgement]:
        """Judge wav [B, T] by every judge."""
        return [judge(wav) for judge in self.judges]
