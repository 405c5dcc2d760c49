"""What every discriminator returns."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Judgement:
    """logits: over time (and frequency); maps: internal activations for feature matching."""

    logits: Tensor
    maps: list[Tensor]
