"""A training run's network as the folder that `audiocodec.load` reads."""

from pathlib import Path

from audiocodec.families.soundstream import SoundStream
from audiocodec.folder import save_folder

from . import checkpoint
from .config import Recipe

FOLDERS = {"last": "export", "best": "export_best"}
"""Which checkpoint is exported to which folder of the run."""


def export(network: SoundStream, folder: Path, *, recipe: Recipe, step: int) -> None:
    """Write config.json and model.safetensors (float16) into `folder`."""
    save_folder(
        network,
        folder,
        family="soundstream",
        name=recipe.name,
        made={"recipe": recipe.name, "steps": step},
    )


def export_checkpoint(recipe: Recipe, which: str) -> Path:
    """Export the "last" or the "best" checkpoint of the recipe's run; return the folder.

    Of the average of weights, where both recipe and checkpoint have one. Needs no data.
    Raises BadCheckpoint.
    """
    run = recipe.run.path
    path = run / f"{which}.pt"
    state = checkpoint.load(path)
    network = SoundStream(recipe.model)
    averaged = recipe.optim.weight_ema and "average" in state
    weights = state["average"]["network"] if averaged else state.get("network")
    checkpoint.restore(network, weights, path)
    export(network, run / FOLDERS[which], recipe=recipe, step=state["step"])
    return run / FOLDERS[which]
