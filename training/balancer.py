"""Loss balancing (EnCodec, arXiv 2210.13438, section 3.4): weights as shares of the gradient."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .group import ALONE, Group


class Balancer:
    """Scales the gradient of every loss at the output by a moving average of its norm.

    The weights then say how much of the gradient comes from each loss, whatever the losses'
    sizes: with g_i the gradient of loss i at the output, the output's gradient is the sum over i
    of `norm` * w_i / sum(w) * g_i / <|g_i|>, where |.| is the mean norm over the batch and <.>
    the average over the steps.
    """

    def __init__(self, *, decay: float, norm: float, group: Group = ALONE) -> None:
        self.decay, self.norm, self.group = decay, norm, group
        # Sum of norms and number of them, both decaying: their quotient has no start-up bias.
        self.sums: dict[str, Tensor] = {}

    def gradient(
        self, losses: Mapping[str, Tensor], weights: Mapping[str, float], output: Tensor
    ) -> Tensor:
        """Return the gradient of the balanced losses at output [B, 1, T]."""
        total = sum(weights[name] for name in losses)
        balanced = torch.zeros_like(output)
        for name, loss in losses.items():
            if not weights[name]:
                continue
            (gradient,) = torch.autograd.grad(loss, output, retain_graph=True)
            share = self.norm * weights[name] / total
            balanced += share * gradient / self._average(name, gradient).clamp(min=1e-12)
        return balanced

    def _average(self, name: str, gradient: Tensor) -> Tensor:
        """Return the moving average of a gradient's norm, this one included."""
        norm = gradient.flatten(1).norm(dim=1).mean()
        self.group.mean(norm)
        sums = self.sums.get(name, norm.new_zeros(2))
        if bool(torch.isfinite(norm)):  # a broken step is left out, and not remembered here
            sums = self.decay * sums + torch.stack([norm, torch.ones_like(norm)])
            self.sums[name] = sums
        average: Tensor = sums[0] / sums[1].clamp(min=1e-12)
        return average

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averages."""
        return dict(self.sums)

    def load_state_dict(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Take over the averages."""
        self.sums = {name: sums.to(device) for name, sums in state.items()}
