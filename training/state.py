"""What a run is made of, and what of it a checkpoint keeps."""

import math
from dataclasses import dataclass
from typing import Any

import torch

from audiocodec.families.soundstream import SoundStream

from .adversary import Adversary
from .config import Recipe
from .data.crops import Crops
from .optim import adam
from .quantizer import QuantizerTrainer


@dataclass(slots=True)
class TrainState:
    """Everything that changes while training.

    step: finished steps, those left out included. skipped: steps left out because a gradient
    was not finite. best: the lowest validation score so far.
    """

    network: SoundStream
    optimizer: torch.optim.Adam
    quantizer: QuantizerTrainer
    adversary: Adversary
    crops: Crops
    step: int = 0
    skipped: int = 0
    best: float = math.inf

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs to follow the same trajectory."""
        return {
            "step": self.step,
            "skipped": self.skipped,
            "best": self.best,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "quantizer": self.quantizer.state_dict(),
            "judges": self.adversary.judges.state_dict(),
            "judges_optimizer": self.adversary.optimizer.state_dict(),
            "crops": self.crops.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, here or in an earlier version without `best`."""
        self.step, self.skipped = state["step"], state["skipped"]
        self.best = state.get("best", math.inf)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.quantizer.load_state_dict(state["quantizer"])
        self.adversary.judges.load_state_dict(state["judges"])
        self.adversary.optimizer.load_state_dict(state["judges_optimizer"])
        self.crops.generator.set_state(state["crops"].cpu())


def new_state(recipe: Recipe, crops: Crops, device: torch.device) -> TrainState:
    """Return the state of a run that has not begun, the same for the same seed."""
    torch.manual_seed(recipe.run.seed)
    network = SoundStream(recipe.model).to(device)
    return TrainState(
        network=network,
        optimizer=adam(
            network.parameters(),
            lr=recipe.optim.generator_lr,
            betas=recipe.optim.generator_betas,
        ),
        quantizer=QuantizerTrainer(network.quantizer, recipe.quantizer, seed=recipe.run.seed + 1),
        adversary=Adversary(recipe.discriminators, recipe.optim, device=device),
        crops=crops,
    )
