"""A moving average of the generator's weights: what is exported is calmer than what is trained."""

import copy
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from audiocodec.families.soundstream import SoundStream

from .quantizer import QuantizerTrainer


class WeightAverage:
    """A network whose parameters follow those of another one, exponentially.

    The codebooks follow as well, or they would be those of a newer encoder. They are averaged
    by use, as sums of vectors over numbers of uses: a vector that was hardly used before it was
    revived is then forgotten at once, where a plain mean would leave a word between two places.
    """

    def __init__(self, network: SoundStream, quantizer: QuantizerTrainer, *, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.restart(network, quantizer)

    @torch.no_grad()
    def restart(self, network: SoundStream, quantizer: QuantizerTrainer) -> None:
        """Begin anew at a network as it is."""
        self.updates = 0
        self.network.load_state_dict(network.state_dict())
        self._take_codebooks(quantizer)

    def _take_codebooks(self, quantizer: QuantizerTrainer) -> None:
        self.started = quantizer.started
        self.uses, self.sums = quantizer.uses.clone(), quantizer.sums.clone()

    @torch.no_grad()
    def update(self, network: SoundStream, quantizer: QuantizerTrainer) -> None:
        """Follow a network by one step; the first ones weigh more, as in any mean."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average(list(self.network.parameters()), list(network.parameters()), None)
        if self.started != quantizer.started:
            self._take_codebooks(quantizer)
        elif self.started:
            self.uses.lerp_(quantizer.uses, 1 - decay)
            self.sums.lerp_(quantizer.sums, 1 - decay)

    @torch.no_grad()
    def settled(self) -> SoundStream:
        """Return the averaged network, with codebooks."""
        if self.started:
            words = self.sums / self.uses.clamp(min=1e-5)[..., None]
            self.network.quantizer.codebooks.copy_(words)
        return self.network

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs; `network` is ready to be exported."""
        return {
            "updates": self.updates,
            "started": self.started,
            "network": self.settled().state_dict(),
            "uses": self.uses,
            "sums": self.sums,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.updates, self.started = int(state["updates"]), bool(state["started"])
        self.network.load_state_dict(state["network"])
        self.uses.copy_(state["uses"])
        self.sums.copy_(state["sums"])
