"""A checkpoint as it lies on disk: its configuration, if it has one, and its tensors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from audiocodec.errors import UnknownModel, WeightsMismatch

CONFIG, WEIGHTS = "config.json", "model.safetensors"
MAX_CONFIG_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a family's reader of foreign layouts sees.

    source: file or folder, for messages. config: its config.json, {} without one.
    tensors: by their names on disk.
    """

    source: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a folder with `config.json` and `model.safetensors`, or one safetensors file.

    Raises UnknownModel, WeightsMismatch.
    """
    if path.is_dir():
        return Checkpoint(path, read_config(path / CONFIG), read_tensors(path / WEIGHTS))
    return Checkpoint(path, {}, read_tensors(path))


def read_config(path: Path) -> dict[str, Any]:
    """Return a JSON object of bounded size. Raises UnknownModel for anything else."""
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise UnknownModel(f"{path}: over {MAX_CONFIG_BYTES} bytes is no configuration")
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnknownModel(f"{path}: cannot be read ({error.strerror}); not a model") from error
    except (ValueError, RecursionError) as error:
        raise UnknownModel(f"{path}: not valid JSON: {error}") from error
    if not isinstance(table, dict):
        raise UnknownModel(f"{path}: a JSON object was expected")
    return table


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file. Raises WeightsMismatch for anything else."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsMismatch(f"{path}: not a readable safetensors file: {error}") from error
