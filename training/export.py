"""A training run's network as the folder that `audiocodec.load` reads."""

from pathlib import Path

from audiocodec.families.soundstream import SoundStream
from audiocodec.folder import save_folder

from .config import Recipe


def export(network: SoundStream, folder: Path, *, recipe: Recipe, step: int) -> None:
    """Write config.json and model.safetensors (float16) into `folder`."""
    save_folder(
        network,
        folder,
        family="soundstream",
        name=recipe.name,
        made={"recipe": recipe.name, "steps": step},
    )
