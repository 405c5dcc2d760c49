"""A model on disk: `config.json` beside `model.safetensors`; FAMILIES is the only such table."""

import hashlib
import json
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from audiocodec.atomic import atomic_output
from audiocodec.codes import ModelIdentity
from audiocodec.errors import UnknownModel
from audiocodec.families.dac import Dac, DacConfig
from audiocodec.families.encodec import Encodec, EncodecConfig
from audiocodec.families.lyra import Lyra, LyraConfig
from audiocodec.families.mimi import Mimi, MimiConfig
from audiocodec.families.network import CodecNetwork
from audiocodec.families.snac import Snac, SnacConfig
from audiocodec.families.soundstream import SoundStream, SoundStreamConfig
from audiocodec.families.weights.checkpoint import CONFIG as CONFIG
from audiocodec.families.weights.checkpoint import WEIGHTS as WEIGHTS
from audiocodec.families.weights.checkpoint import Checkpoint, read_checkpoint
from audiocodec.families.weights.strict import fill
from audiocodec.families.weights.upstream import build_upstream, empty_network


@dataclass(frozen=True, slots=True)
class Family:
    """The configuration and the network of one architecture, and how its weights are stored."""

    config: type[Any]
    network: type[CodecNetwork]
    dtype: torch.dtype = torch.float16


FAMILIES = {
    "soundstream": Family(SoundStreamConfig, SoundStream),
    # Its whole numbers go up to 2^24.
    "lyra": Family(LyraConfig, Lyra, torch.float32),
    # Half the precision would change codes.
    "encodec": Family(EncodecConfig, Encodec, torch.float32),
    "mimi": Family(MimiConfig, Mimi, torch.float32),
    "dac": Family(DacConfig, Dac, torch.float32),
    "snac": Family(SnacConfig, Snac, torch.float32),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network with its weights, whose weights they are, and how those came to be."""

    network: CodecNetwork
    identity: ModelIdentity
    made: Mapping[str, Any]


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
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_folder(
    network: CodecNetwork,
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

    folder: of this package's own layout, or a folder or safetensors file of another package's
        (families/weights/upstream.py).
    name, revision: identity to give it; by default the name in its configuration.
    Raises UnknownModel for what is no model, WeightsMismatch for tensors that are missing, left
    over, or of another shape.
    """
    checkpoint = read_checkpoint(folder)
    own_name = folder.stem
    made: object = {}
    if "family" in checkpoint.config:
        made = checkpoint.config.get("made")
        network = _build(checkpoint)
        fill(network, checkpoint.tensors, folder / WEIGHTS)
        own_name = str(checkpoint.config.get("name", own_name))
    else:
        network = build_upstream(checkpoint)
    identity = ModelIdentity(name or own_name, revision, hash_weights(checkpoint.tensors))
    facts = made if isinstance(made, dict) else {}
    return Loaded(network.eval().requires_grad_(False), identity, facts)


def _build(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the network, without weights, of a configuration in this package's own layout."""
    table, place = dict(checkpoint.config), checkpoint.source / CONFIG
    family = FAMILIES.get(str(table.pop("family")))
    if family is None:
        raise UnknownModel(f"{place}: family is none of {', '.join(FAMILIES)}")
    for key in ("name", "made"):
        table.pop(key, None)
    known = {field.name: field for field in fields(family.config)}
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise UnknownModel(f"{place}: unknown keys {reprlib.repr(unknown)}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    for key, value in values.items():
        default = known[key].default
        if type(value) is not type(default):
            found = reprlib.repr(value)
            raise UnknownModel(f"{place}: {key} is {found}, like {default!r} expected")
    try:
        return empty_network(family.network, family.config(**values))
    except (TypeError, ValueError, RuntimeError) as error:
        raise UnknownModel(f"{place}: {error}") from error
