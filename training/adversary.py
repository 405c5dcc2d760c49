"""The discriminators and their optimizer behind two verbs: judge and fool."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .config import DiscriminatorConfig, OptimConfig
from .discriminators.ensemble import Ensemble
from .losses.adversarial import feature_loss, fool_loss, judge_loss
from .optim import adam


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the generator hears: adversarial and feature matching losses, scalars."""

    adversarial: Tensor
    feature: Tensor


class Adversary:
    """Discriminators that learn from pairs, and grade the generator's output."""

    def __init__(
        self, config: DiscriminatorConfig, optim: OptimConfig, *, device: torch.device
    ) -> None:
        self.judges = Ensemble(config).to(device)
        self.max_grad_norm = optim.max_grad_norm
        self.optimizer = adam(
            self.judges.parameters(), lr=optim.discriminator_lr, betas=optim.discriminator_betas
        )

    def judge(self, real: Tensor, fake: Tensor) -> Tensor:
        """Update the discriminators on waves [B, T]; return their loss."""
        self.judges.requires_grad_(True)
        heard = self.judges(torch.cat([real, fake.detach()]))
        half = len(real)
        loss = judge_loss(
            [judgement.logits[:half] for judgement in heard],
            [judgement.logits[half:] for judgement in heard],
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.judges.parameters(), self.max_grad_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        return loss.detach()

    def fool(self, real: Tensor, fake: Tensor) -> Verdict:
        """Grade fake [B, T] against real; gradients reach the generator only."""
        self.judges.requires_grad_(False)
        with torch.no_grad():
            heard_real = self.judges(real)
        heard_fake = self.judges(fake)
        return Verdict(
            adversarial=fool_loss([judgement.logits for judgement in heard_fake]),
            feature=feature_loss(
                [judgement.maps for judgement in heard_real],
                [judgement.maps for judgement in heard_fake],
            ),
        )
