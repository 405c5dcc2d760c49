"""The discriminators and their optimizer behind two verbs: judge and fool."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .config import DiscriminatorConfig, OptimConfig, RunConfig
from .discriminators.ensemble import Ensemble
from .discriminators.judgement import Judgement
from .group import ALONE, Group
from .losses.adversarial import feature_loss, fool_loss, judge_loss
from .optim import adam, take_step


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the generator hears: adversarial and feature matching losses, scalars."""

    adversarial: Tensor
    feature: Tensor


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the discriminators learnt from: their loss, and its gradient's norm before clipping."""

    loss: Tensor
    gradient_norm: Tensor


class Adversary:
    """Discriminators that learn from pairs, and grade the generator's output."""

    def __init__(
        self,
        config: DiscriminatorConfig,
        optim: OptimConfig,
        *,
        device: torch.device,
        run: RunConfig | None = None,
        group: Group = ALONE,
    ) -> None:
        self.config, self.optim, self.device, self.group = config, optim, device, group
        self.run = run or RunConfig()
        self._begin()

    def _begin(self) -> None:
        self.judges = Ensemble(self.config).to(self.device)
        if self.run.channels_last:
            self.judges.to_channels_last()
        hear: Callable[[Tensor], list[Judgement]] = self.judges
        self.hear = torch.compile(hear) if self.run.compile else hear
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

    def judge(self, real: Tensor, fake: Tensor) -> Lesson:
        """Update the discriminators on waves [B, T], in pieces where the recipe says so."""
        self.judges.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        pieces = self.optim.accumulate
        loss = real.new_zeros(())
        for wav, made in zip(real.chunk(pieces), fake.detach().chunk(pieces), strict=True):
            heard = self.hear(torch.cat([wav, made]))
            half = len(wav)
            part = judge_loss(
                [judgement.logits[:half] for judgement in heard],
                [judgement.logits[half:] for judgement in heard],
            )
            (part / pieces).backward()  # type: ignore[no-untyped-call]
            loss += part.detach() / pieces
        self.group.mean_gradients(self.judges.parameters())
        norm = nn.utils.clip_grad_norm_(self.judges.parameters(), self.optim.max_grad_norm)
        if torch.isfinite(norm):
            take_step(self.optimizer)
        return Lesson(loss, norm.detach())

    def fool(self, real: Tensor, fake: Tensor) -> Verdict:
        """Grade fake [B, T] against real; gradients reach the generator only."""
        self.judges.requires_grad_(False)
        with torch.no_grad():
            heard_real = self.hear(real)
        heard_fake = self.hear(fake)
        return Verdict(
            adversarial=fool_loss([judgement.logits for judgement in heard_fake]),
            feature=feature_loss(
                [judgement.maps for judgement in heard_real],
                [judgement.maps for judgement in heard_fake],
            ),
        )
