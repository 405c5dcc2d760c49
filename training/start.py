"""Weights to begin with: those of a model folder, instead of random ones."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from audiocodec.errors import AudioCodecError, UnknownModel
from audiocodec.families.lyra import Lyra
from audiocodec.families.soundstream import SoundStream, SoundStreamConfig
from audiocodec.families.weights.lyra_float import in_float
from audiocodec.load import load

EMBEDDED = "embedded"
"""What `run.start_from` calls the weights inside the package."""


def load_start(model: str) -> SoundStream:
    """Return the network of a model folder or name, in float32.

    Of Lyra it is the twin in float. Raises UnknownModel, WeightsMismatch, and AudioCodecError for
    a family that has no gradient.
    """
    name = Path(model).expanduser() if Path(model).expanduser().is_dir() else model
    network = load(None if name == EMBEDDED else name).network
    if isinstance(network, Lyra):
        network = in_float(network)
    if type(network) is not SoundStream:
        raise AudioCodecError(
            f"run.start_from={model!r} is {type(network).__name__}, which the trainer cannot go on "
            f"with; SoundStream and Lyra expected"
        )
    return network.requires_grad_(True).train()


def model_table(model: str) -> dict[str, Any]:
    """Return the `model` table of a recipe that begins with a model, for recipes without one."""
    table = asdict(load_start(model).config)
    return {key: list(v) if isinstance(v, tuple) else v for key, v in table.items()}


def check_shape(model: str, found: SoundStreamConfig, wanted: SoundStreamConfig) -> None:
    """Raise UnknownModel with the differences where a model has not the shape of the recipe's."""
    different = [
        f"{f.name} is {getattr(found, f.name)} instead of {getattr(wanted, f.name)}"
        for f in fields(SoundStreamConfig)
        if getattr(found, f.name) != getattr(wanted, f.name)
    ]
    if different:
        raise UnknownModel(
            f"run.start_from={model!r} has another shape than the recipe's model: "
            f"{'; '.join(different)}. Leave [model] out of the recipe to take that of the start"
        )
