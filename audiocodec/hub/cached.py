"""Which codecs lie in the Hub's cache; the network is never touched."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from audiocodec.errors import UnknownModel

from .checks import MAX_CONFIG_BYTES, MODEL_TYPES
from .choice import CONFIG, choose
from .known import known_model
from .names import check_revision, is_commit, looks_like_hub_name
from .transfer import storage_folder


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


def cached_files(name: str, file: str, revision: str = "") -> Iterator[Path]:
    """Yield a file of a repository, of each commit in the cache or of one revision alone.

    Any name will do: where it is none on the Hub, there is nothing.
    """
    if not looks_like_hub_name(name):
        return
    from huggingface_hub import constants

    storage = storage_folder(Path(constants.HF_HUB_CACHE).expanduser(), name)
    commit = revision and check_revision(name, revision)
    if commit and not is_commit(commit):
        try:
            commit = (storage / "refs" / revision).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return
    for path in sorted((storage / "snapshots").glob(f"{commit or '*'}/{file}")):
        if path.is_file():
            yield path


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
