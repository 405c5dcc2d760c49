"""The STFT discriminator: strides, widths and shapes of the paper."""

import pytest
import torch
from audiocodec.training.discriminators.spectrogram import SpectrogramDiscriminator


def test_maps_fall_by_the_strides_and_widen_and_one_bin_is_left() -> None:
    judge = SpectrogramDiscriminator(channels=2, window_samples=1024)
    heard = judge(torch.randn(3, 256 * 15))
    # 16 frames and 512 bins at first; (time, frequency) strides (1,2) (2,2) (1,2) (2,2) ...
    shapes = [tuple(x.shape) for x in heard.maps]
    assert shapes == [
        (3, 2, 16, 512),
        (3, 2, 16, 256),
        (3, 4, 8, 128),
        (3, 8, 8, 64),
        (3, 8, 4, 32),
        (3, 16, 4, 16),
        (3, 16, 2, 8),
    ]
    assert judge.head.kernel_size == (1, 8)
    assert heard.logits.shape == (3, 2)
    assert judge.stem.kernel_size == (7, 7) and judge.stem.in_channels == 2


def test_the_notes_width_is_32() -> None:
    judge = SpectrogramDiscriminator(channels=32)
    widths = [judge.stem.out_channels, *(unit.second.out_channels for unit in judge.units)]
    assert widths == [32, 32, 64, 128, 128, 256, 256]


@pytest.mark.parametrize("window_samples", [128, 256, 2048])
@pytest.mark.parametrize("frames", [8, 13])
def test_any_window_and_length_gives_logits(window_samples: int, frames: int) -> None:
    judge = SpectrogramDiscriminator(channels=1, window_samples=window_samples)
    logits = judge(torch.randn(2, window_samples // 4 * frames)).logits
    assert logits.shape[0] == 2 and logits.shape[1] >= 1 and torch.isfinite(logits).all()


def test_it_hears_phase() -> None:
    judge = SpectrogramDiscriminator(channels=2, window_samples=128)
    wav = torch.randn(1, 1000)
    assert not torch.allclose(judge(wav).logits, judge(-wav).logits, atol=1e-3)
