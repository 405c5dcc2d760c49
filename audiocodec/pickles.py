"""Where the tensors of a pickle are kept once they were read from it, by the pickle's hash.

Nothing here opens a pickle (`unpickle` does), and nothing needs torch.
"""

import hashlib
from pathlib import Path

from audiocodec.errors import UnknownModel, WeightsMismatch

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_MAX_BYTES = 1 << 32


def refuse_pickle(shown: object) -> UnknownModel:
    """Return the error for a pickle that was not allowed."""
    return UnknownModel(
        f"{shown}: weights that are there as a pickle only, which can hold code; pass "
        f"--allow-pickle (allow_pickle=True in Python) to read the tensors in it, once"
    )


def converted(source: Path, cache_dir: Path | None = None) -> Path | None:
    """Return what `unpickle` made of a pickle earlier: a folder, or a file of safetensors.

    cache_dir: the Hub cache in use, None for the usual one. None where it has not been converted.
    """
    if not source.is_file():
        return None
    folder = folder_for(source, cache_dir)
    return described(folder) if (folder / WEIGHTS).exists() else None


def folder_for(source: Path, cache_dir: Path | None = None) -> Path:
    """Return the folder for what is made of a pickle and of the configuration beside it.

    Raises WeightsMismatch for a file that is too large or cannot be read.
    """
    try:
        if source.stat().st_size > _MAX_BYTES:
            raise WeightsMismatch(f"{source}: over {_MAX_BYTES} bytes are no codec's weights")
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise WeightsMismatch(f"{source}: cannot be read: {error.strerror}") from error
    name = hashlib.sha256(digest + configuration_of(source)).hexdigest()[:32]
    return _root(cache_dir) / name


def configuration_of(source: Path) -> bytes:
    """Return the configuration beside a pickle, or nothing."""
    config = source.with_name(CONFIG)
    return config.read_bytes() if config.exists() else b""


def described(folder: Path) -> Path:
    """Return the folder, or its file of weights where nothing describes them."""
    return folder if (folder / CONFIG).exists() else folder / WEIGHTS


def _root(cache_dir: Path | None) -> Path:
    if cache_dir is not None:
        return cache_dir.expanduser() / ".audiocodec" / "unpickled"
    from huggingface_hub import constants

    return Path(constants.HF_ASSETS_CACHE) / "audiocodec" / "unpickled"
