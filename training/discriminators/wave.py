"""Wave discriminators at falling rates (MelGAN's form; SoundStream, section III-D)."""

from torch import Tensor, nn
from torch.nn import functional

from .judgement import Judgement


class WaveDiscriminator(nn.Module):
    """Strided grouped convolutions on a wave, averaged down by `pooling` first."""

    def __init__(self, *, channels: int, pooling: int) -> None:
        super().__init__()
        self.pooling = pooling
        widths = [channels, *(min(channels * 4**power, 64 * channels) for power in range(1, 5))]
        layers: list[nn.Module] = [nn.Conv1d(1, channels, 15, padding=7)]
        for narrow, wide in zip(widths, widths[1:], strict=False):
            groups = max(1, narrow // 4)
            layers.append(nn.Conv1d(narrow, wide, 41, 4, padding=20, groups=groups))
        layers.append(nn.Conv1d(widths[-1], widths[-1], 5, padding=2))
        self.layers = nn.ModuleList(layers)
        self.head = nn.Conv1d(widths[-1], 1, 3, padding=1)

    def forward(self, wav: Tensor) -> Judgement:
        """Judge wav [B, T]."""
        x = wav[:, None]
        if self.pooling > 1:
            x = functional.avg_pool1d(x, 2 * self.pooling, self.pooling, self.pooling // 2)
        maps = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            maps.append(x)
        return Judgement(logits=self.head(x)[:, 0], maps=maps)
