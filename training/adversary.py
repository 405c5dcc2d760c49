"""The discriminators and their optimizer behind two verbs: judge and fool."""

from dataclasses import dataclass
from typing import Any

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
        self.config, self.optim, self.device = config, optim, device
        self.max_grad_norm = optim.max_grad_norm
        self._begin()

    def _begin(self) -> None:
        self.judges = Ensemble(self.config).to(self.device)
        self.optimizer = adam(
            self.judges.parameters(),
            lr=self.optim.discriminator_lr,
            betas=self.optim.discriminator_betas,
        )

    def renew(self, seed: int) -> None:
        """Begin anew with judges that have heard nothing, the same ones for the same seed."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._begin()

    def load_state_dict(self, judges: dict[str, Any], optimizer: dict[str, Any]) -> None:
        """Take over judges and their optimizer; those that never learnt may be of other sizes."""
        found = {name: t.shape for name, t in judges.items()}
        own = {name: t.shape for name, t in self.judges.state_dict().items()}
        if optimizer["state"] or found == own:
            self.judges.load_state_dict(judges)
            self.optimizer.load_state_dict(optimizer)

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
