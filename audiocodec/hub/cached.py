"""Which codecs lie in the Hub's cache; the network is never touched."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audiocodec.errors import UnknownModel

from .checks import MAX_CONFIG_BYTES, MODEL_TYPES
from .choice import CONFIG, choose
from .known import known_model


@dataclass(frozen=True, slots=True)
class CachedModel:
    """One commit of a model in the cache. weights_bytes: size of its file of weights."""

    name: str
    revision: str
    folder: Path
    weights_bytes: int


def cached_models(cache_dir: str | Path | None = None) -> list[CachedModel]:
    """Return the commits of known models, and of models of our own, that are there completely."""
    from huggingface_hub import constants

    root = Path(cache_dir or constants.HF_HUB_CACHE).expanduser()
    found = []
    for snapshot in sorted(root.glob("models--*--*/snapshots/*")):
        name = "/".join(snapshot.parent.parent.name.split("--")[1:])
        listing = [path.name for path in snapshot.glob("*") if path.exists()]
        known = known_model(name)
        with suppress(UnknownModel, OSError):
            choice = choose(name, listing, known.weights if known else "")
            if known is not None or _is_codec(snapshot / CONFIG):
                size = (snapshot / choice.weights).stat().st_size
                found.append(CachedModel(name, snapshot.name, snapshot, size))
    return found


def _is_codec(config: Path) -> bool:
    if config.stat().st_size > MAX_CONFIG_BYTES:
        return False
    try:
        table = json.loads(config.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    if not isinstance(table, dict):
        return False
    ours = isinstance(table.get("family"), str) and "codebook_size" in table
    return ours or table.get("model_type") in MODEL_TYPES or "vq_strides" in table
