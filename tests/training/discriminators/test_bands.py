"""The band discriminator: what it gives for what, and that bands do not hear each other."""

import torch
from audiocodec.training.discriminators.bands import BANDS, BandDiscriminator


def test_a_logit_for_every_frame_and_band() -> None:
    judge = BandDiscriminator(channels=4, window_samples=512)
    heard = judge(torch.randn(3, 128 * 15))
    assert heard.logits.shape == (3, BANDS * 16)
    assert [tuple(x.shape) for x in heard.maps] == [(3, BANDS * 4, 16)] * 4


@torch.no_grad()
def test_a_change_in_one_band_is_heard_in_that_band_only() -> None:
    torch.manual_seed(0)
    judge = BandDiscriminator(channels=4, window_samples=512)
    t = torch.arange(128 * 30) / 24000
    low = 0.3 * torch.sin(2 * torch.pi * 500 * t)
    # 24 kHz / 2 / 8 bands: 9.75 kHz lies in the middle of the seventh.
    high = low + 0.01 * torch.sin(2 * torch.pi * 9750 * t)
    before, after = (judge(wav[None]).logits.reshape(BANDS, -1)[:, 8:-8] for wav in (low, high))
    change = (before - after).abs().amax(dim=1)
    assert change.argmax() == 6
    assert change[6] > 20 * change[[0, 1, 2, 3]].max()


def test_silence_and_its_gradient_are_finite() -> None:
    judge = BandDiscriminator(channels=4, window_samples=512)
    wav = torch.zeros(1, 4000, requires_grad=True)
    judge(wav).logits.sum().backward()
    assert wav.grad is not None and bool(torch.isfinite(wav.grad).all())
