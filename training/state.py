"""What a run is made of, and what of it a checkpoint keeps."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from audiocodec.families.soundstream import SoundStream
from audiocodec.layers.state import State

from .adversary import Adversary
from .average import WeightAverage
from .balancer import Balancer
from .clock import Clock
from .config import Recipe
from .data.crops import Crops
from .group import ALONE, Group
from .optim import adam
from .quantizer import QuantizerTrainer
from .start import check_shape, load_start

Forward = Callable[[Tensor], tuple[Tensor, State]]


@dataclass(slots=True)
class TrainState:
    """Everything that changes while training.

    step: finished steps, those left out included. skipped: steps left out because a gradient
    was not finite. best: the lowest validation score so far. average: of the network's weights,
    where the recipe asks for one, as for a balancer. encode, decode: the network's halves,
    compiled where the recipe says so. group: the processes that train together.
    """

    network: SoundStream
    optimizer: torch.optim.Adam
    quantizer: QuantizerTrainer
    adversary: Adversary
    crops: Crops
    encode: Forward
    decode: Forward
    clock: Clock
    group: Group = ALONE
    average: WeightAverage | None = None
    balancer: Balancer | None = None
    step: int = 0
    skipped: int = 0
    best: float = math.inf

    @property
    def product(self) -> SoundStream:
        """The network that is validated and exported: the average, where there is one."""
        return self.average.settled() if self.average else self.network

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
            **({"average": self.average.state_dict()} if self.average else {}),
            **({"balancer": self.balancer.state_dict()} if self.balancer else {}),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, here or in an earlier version.

        Without `best` nothing has been best so far; without an average, it begins here.
        """
        self.step, self.skipped = state["step"], state["skipped"]
        self.best = state.get("best", math.inf)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.quantizer.load_state_dict(state["quantizer"])
        self.adversary.load_state_dict(state["judges"], state["judges_optimizer"])
        self.crops.generator.set_state(state["crops"].cpu())
        if self.average and "average" in state:
            self.average.load_state_dict(state["average"])
        elif self.average:
            self.average.restart(self.network, self.quantizer)
        if self.balancer:
            device = self.network.quantizer.codebooks.device
            self.balancer.load_state_dict(state.get("balancer", {}), device)


def new_state(
    recipe: Recipe, crops: Crops, device: torch.device, group: Group = ALONE
) -> TrainState:
    """Return the state of a run that has not begun, the same for the same seed.

    Raises UnknownModel, WeightsMismatch for a model to start from that does not fit.
    """
    torch.manual_seed(recipe.run.seed)
    network = _network(recipe).to(device)
    seed, optim = recipe.run.seed, recipe.optim
    quantizer = QuantizerTrainer(network.quantizer, recipe.quantizer, seed=seed + 1, group=group)
    if recipe.run.start_from:
        quantizer.begin_with(network.quantizer.codebooks, uses=_uses_per_update(recipe, crops))
    judges = recipe.discriminators
    adversary = Adversary(judges, optim, device=device, run=recipe.run, group=group)
    group.unite([network, adversary.judges])
    fast = torch.compile if recipe.run.compile else _plain
    return TrainState(
        network=network,
        optimizer=adam(
            network.parameters(),
            lr=optim.generator_lr,
            betas=optim.generator_betas,
        ),
        quantizer=quantizer,
        adversary=adversary,
        crops=crops,
        encode=fast(network.encoder),
        decode=fast(network.decoder),
        clock=Clock(device),
        group=group,
        average=WeightAverage(network, quantizer, decay=optim.weight_ema)
        if optim.weight_ema
        else None,
        balancer=Balancer(decay=optim.balance_decay, norm=optim.balance_norm, group=group)
        if optim.balance
        else None,
    )


def _plain(module: nn.Module) -> nn.Module:
    return module


def _network(recipe: Recipe) -> SoundStream:
    if not recipe.run.start_from:
        return SoundStream(recipe.model)
    network = load_start(recipe.run.start_from)
    check_shape(recipe.run.start_from, network.config, recipe.model)
    return network


def _uses_per_update(recipe: Recipe, crops: Crops) -> float:
    """Return how often a vector is used an update, if all of a level are used alike."""
    frames = crops.segment_samples // recipe.model.hop_samples
    heard = recipe.data.batch_size * recipe.quantizer.update_every * frames
    return heard / recipe.model.codebook_size
