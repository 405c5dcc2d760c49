"""Checkpoints: written whole or not at all, the newest and the best kept."""

from pathlib import Path
from typing import Any, Protocol

import torch

from audiocodec.atomic import atomic_output
from audiocodec.errors import AudioCodecError

LAST = "last.pt"
BEST = "best.pt"


class BadCheckpoint(AudioCodecError):
    """A checkpoint that cannot be read, or that belongs to another model."""


class Loadable(Protocol):
    """A module or a state of training."""

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Take over a state; raise where it is of another shape."""
        ...


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; a crash in the middle leaves the former one as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(path, overwrite=True) as file:
        torch.save(state, file)


def remove_leftovers(folder: Path) -> None:
    """Remove what kills in the middle of `save` have left in a run's folder.

    Only one process may train in a folder, so nothing else writes there.
    """
    for left in folder.glob(".*.pt.*.part"):
        left.unlink()


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint of ours, tensors and plain values only.

    Raises BadCheckpoint when it cannot be read.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise BadCheckpoint(f"{path}: no such checkpoint; start a run first") from error
    except Exception as error:  # torch raises many kinds for a damaged file
        raise BadCheckpoint(
            f"{path}: not a readable checkpoint ({type(error).__name__}); "
            f"remove it to start anew, or put a good copy in its place"
        ) from error
    if not isinstance(state, dict) or "step" not in state:
        raise BadCheckpoint(f"{path}: not a checkpoint of this trainer; choose another run.folder")
    return state


def restore(target: Loadable, state: Any, path: Path) -> None:
    """Give `target` a state that was read from `path`.

    Raises BadCheckpoint where it is that of another model or recipe.
    """
    try:
        target.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadCheckpoint(
            f"{path}: made with another model, quantizer or discriminators than the recipe's; "
            f"restore the recipe or choose another run.folder ({reason})"
        ) from error
