"""The wave discriminators: MelGAN's form at three rates."""

import pytest
import torch
from audiocodec.training.config import DiscriminatorConfig
from audiocodec.training.discriminators.ensemble import Ensemble
from audiocodec.training.discriminators.spectrogram import SpectrogramDiscriminator
from audiocodec.training.discriminators.wave import WaveDiscriminator


def test_layers_are_melgans() -> None:
    judge = WaveDiscriminator(channels=16, pooling=1)
    layers = [
        (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.groups)
        for layer in [*judge.layers, judge.head]
    ]
    assert layers == [
        (1, 16, (15,), (1,), 1),
        (16, 64, (41,), (4,), 4),
        (64, 256, (41,), (4,), 16),
        (256, 1024, (41,), (4,), 64),
        (1024, 1024, (41,), (4,), 256),
        (1024, 1024, (5,), (1,), 1),
        (1024, 1, (3,), (1,), 1),
    ]


@pytest.mark.parametrize(("pooling", "rate_hz"), [(1, 24_000), (2, 12_000), (4, 6000)])
def test_it_works_at_a_fraction_of_the_rate(pooling: int, rate_hz: int) -> None:
    heard = WaveDiscriminator(channels=1, pooling=pooling)(torch.randn(2, 24_000))
    lengths = [x.shape[2] for x in heard.maps]
    expected = [rate_hz]
    for _ in range(4):
        expected.append(-(-expected[-1] // 4))
    assert lengths == [*expected, expected[-1]]
    assert heard.logits.shape == (2, expected[-1])


@pytest.mark.parametrize("channels", [1, 2, 3, 7, 8, 12])
def test_narrow_ones_have_groups_that_divide(channels: int) -> None:
    assert torch.isfinite(
        WaveDiscriminator(channels=channels, pooling=1)(torch.randn(1, 300)).logits
    ).all()


def test_the_ensemble_is_what_the_recipe_lists() -> None:
    ensemble = Ensemble(
        DiscriminatorConfig(
            stft_channels=1, stft_windows=(256, 512), wave_channels=1, wave_poolings=(1, 4)
        )
    )
    kinds = [
        judge.window_samples if isinstance(judge, SpectrogramDiscriminator) else judge.pooling
        for judge in ensemble.judges
    ]
    assert kinds == [256, 512, 1, 4]
    assert len(ensemble(torch.randn(1, 2000))) == 4
