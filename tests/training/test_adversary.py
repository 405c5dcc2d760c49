"""Judge and fool: who learns from what."""

import pytest
import torch
from audiocodec.training.adversary import Adversary
from audiocodec.training.config import DiscriminatorConfig, OptimConfig

TINY = DiscriminatorConfig(
    stft_channels=2, stft_windows=(128,), wave_channels=1, wave_poolings=(2,)
)


def adversary(lr: float = 3e-3) -> Adversary:
    torch.manual_seed(0)
    optim = OptimConfig(discriminator_lr=lr, max_grad_norm=1.0)
    return Adversary(TINY, optim, device=torch.device("cpu"))


def weights(adversary: Adversary) -> torch.Tensor:
    return torch.cat([p.detach().flatten().clone() for p in adversary.judges.parameters()])


def test_fool_leaves_no_gradient_in_the_judges() -> None:
    one = adversary()
    real, fake = torch.randn(2, 600), torch.randn(2, 600, requires_grad=True)
    verdict = one.fool(real, fake)
    (verdict.adversarial + verdict.feature).backward()
    assert all(p.grad is None for p in one.judges.parameters())
    assert fake.grad is not None and fake.grad.abs().sum() > 0


def test_feature_loss_is_zero_for_equal_sound_and_grows_with_the_difference() -> None:
    one = adversary()
    wav = torch.randn(2, 600)
    assert float(one.fool(wav, wav).feature) == 0
    near, far = (float(one.fool(wav, wav + s * torch.randn(2, 600)).feature) for s in (0.01, 1.0))
    assert 0 < near < far


def test_judge_reaches_the_judges_and_not_the_generator() -> None:
    one = adversary()
    before = weights(one)
    fake = torch.randn(2, 600, requires_grad=True)
    loss = one.judge(torch.randn(2, 600), fake).loss
    assert not loss.requires_grad and fake.grad is None
    assert not torch.equal(weights(one), before)


def test_judges_learn_to_tell_a_tone_from_noise() -> None:
    one = adversary()
    torch.manual_seed(1)
    tone = 0.5 * torch.sin(torch.arange(600) * 0.3).repeat(4, 1)
    losses = [float(one.judge(tone, 0.5 * torch.randn(4, 600)).loss) for _ in range(25)]
    assert losses[0] == pytest.approx(2, abs=0.3)
    assert losses[-1] < 0.5 * losses[0]


def test_a_fake_that_is_not_finite_does_not_reach_the_judges() -> None:
    one = adversary()
    before = weights(one)
    one.judge(torch.randn(2, 600), torch.full((2, 600), float("nan")))
    assert torch.equal(weights(one), before)
