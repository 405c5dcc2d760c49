"""A model on disk: `config.json` beside `model.safetensors`; FAMILIES is the only such table."""

import hashlib
import json
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from audiocodec.atomic import atomic_output
from audiocodec.codes import ModelIdentity
from audiocodec.errors import UnknownModel, WeightsMismatch
from audiocodec.families.lyra import Lyra, LyraConfig
from audiocodec.families.soundstream import SoundStream, SoundStreamConfig

CONFIG, WEIGHTS = "config.json", "model.safetensors"
MAX_CONFIG_BYTES = 1 << 20
MAX_PARAMETERS = 1 << 30


@dataclass(frozen=True, slots=True)
class Family:
    """The configuration and the network of one architecture, and how its weights are stored."""

    config: type[SoundStreamConfig]
    network: type[SoundStream]
    dtype: torch.dtype = torch.float16


FAMILIES = {
    "soundstream": Family(SoundStreamConfig, SoundStream),
    # Its whole numbers go up to 2^24.
    "lyra": Family(LyraConfig, Lyra, torch.float32),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network with its weights, and whose weights they are."""

    network: SoundStream
    identity: ModelIdentity


def family_of(network: object) -> str:
    """Return the name of a network's family. Raises TypeError for a network of none."""
    for name, family in FAMILIES.items():
        if type(network) is family.network:
            return name
    raise TypeError("only networks of the package's own families are saved")


def hash_weights(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of all tensors, in name order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        shape = "x".join(map(str, tensor.shape))
        digest.update(f"{name}:{str(tensor.dtype).removeprefix('torch.')}:{shape}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_folder(
    network: SoundStream,
    folder: Path,
    *,
    family: str,
    name: str,
    made: Mapping[str, object] | None = None,
    dtype: torch.dtype | None = None,
) -> ModelIdentity:
    """Write a network as `config.json` and `model.safetensors`; return its identity.

    made: facts on how the weights came to be, kept in the configuration under "made".
    dtype: how weights are stored, None as the family has it.
    """
    dtype = dtype or FAMILIES[family].dtype
    tensors = {key: t.detach().to(dtype).contiguous() for key, t in network.state_dict().items()}
    identity = ModelIdentity(name=name, revision="", weights_sha256=hash_weights(tensors))
    config = {
        "family": family,
        "name": name,
        **asdict(network.config),
        "made": dict(made or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_output(folder / WEIGHTS, overwrite=True) as file:
        file.write(save(tensors, metadata={"format": "pt"}))
    with atomic_output(folder / CONFIG, overwrite=True) as file:
        file.write((json.dumps(config, indent=2) + "\n").encode())
    return identity


def load_folder(folder: Path, *, name: str = "", revision: str = "") -> Loaded:
    """Build the network that a folder describes and fill it with its weights, strictly.

    name, revision: identity to give it; by default the name in its configuration.
    Raises UnknownModel for a folder without a usable configuration, WeightsMismatch for
    tensors that are missing, left over, or of another shape.
    """
    table = _read_config(folder / CONFIG)
    family = FAMILIES.get(str(table.pop("family", None)))
    if family is None:
        raise UnknownModel(f"{folder / CONFIG}: family is none of {', '.join(FAMILIES)}")
    own_name = str(table.pop("name", folder.name))
    table.pop("made", None)
    network = _build(family, table, folder)
    tensors = _read_weights(folder / WEIGHTS)
    _fill(network, tensors, folder)
    identity = ModelIdentity(name or own_name, revision, hash_weights(tensors))
    return Loaded(network.eval().requires_grad_(False), identity)


def _read_config(path: Path) -> dict[str, Any]:
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


def _build(family: Family, table: dict[str, Any], folder: Path) -> SoundStream:
    known = {field.name: field for field in fields(family.config)}
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise UnknownModel(f"{folder / CONFIG}: unknown keys {reprlib.repr(unknown)}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    for key, value in values.items():
        default = known[key].default
        if type(value) is not type(default):
            found = reprlib.repr(value)
            raise UnknownModel(f"{folder / CONFIG}: {key} is {found}, like {default!r} expected")
    try:
        config = family.config(**values)
        with torch.device("meta"):
            network = family.network(config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UnknownModel(f"{folder / CONFIG}: {error}") from error
    if sum(t.numel() for t in network.state_dict().values()) > MAX_PARAMETERS:
        raise UnknownModel(f"{folder / CONFIG}: over {MAX_PARAMETERS} parameters is refused")
    return network


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsMismatch(f"{path}: not a readable safetensors file: {error}") from error


def _fill(network: SoundStream, tensors: dict[str, Tensor], folder: Path) -> None:
    wanted = {key: tuple(t.shape) for key, t in network.state_dict().items()}
    found = {key: tuple(t.shape) for key, t in tensors.items()}
    problems = [f"missing {key}" for key in sorted(wanted.keys() - found.keys())]
    problems += [f"left over {key}" for key in sorted(found.keys() - wanted.keys())]
    problems += [
        f"{key} is {found[key]} instead of {wanted[key]}"
        for key in sorted(wanted.keys() & found.keys())
        if wanted[key] != found[key]
    ]
    problems += [
        f"{key} is {str(t.dtype).removeprefix('torch.')} instead of floating point"
        for key, t in sorted(tensors.items())
        if not t.is_floating_point()
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise WeightsMismatch(f"{folder / WEIGHTS}: {'; '.join(problems[:3])}{more}")
    network.load_state_dict({k: t.float() for k, t in tensors.items()}, assign=True)
