"""Weights in a pickle: read as tensors only, and once, into a folder of safetensors.

torch.load with weights_only=True builds tensors and plain containers and runs nothing else. What it
gives is bounded and checked here, and kept by the hash of what it was read from (`pickles`), so
that later loads open no pickle at all.
"""

import errno
import json
import os
import pickle
import secrets
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from audiocodec.errors import AudioCodecError, WeightsMismatch
from audiocodec.pickles import CONFIG, WEIGHTS, configuration_of, converted, described, folder_for

MAX_PARAMETERS = 1 << 30
# Before these, a file could run code in spite of weights_only=True.
_SAFE_TORCH = (2, 10)


@dataclass(frozen=True, slots=True)
class _Contents:
    """Tensors by name, and the arguments of the network where the file gives them."""

    tensors: dict[str, Tensor]
    arguments: dict[str, Any]


def unpickle(source: Path, *, cache_dir: Path | None = None) -> Path:
    """Return a folder with the tensors of a pickle as `model.safetensors`, making it if needed.

    Beside them lies the `config.json` that lies beside `source`; where there is none, the network's
    arguments, if the file holds them (`metadata.kwargs`, as descript-audio-codec writes them); and
    where there is nothing at all, the file of safetensors itself is returned.
    cache_dir: the Hub cache in use, None for the usual one. Several processes may do this at once.
    Raises WeightsMismatch for what is no file of tensors, AudioCodecError for a full disk.
    """
    done = converted(source, cache_dir)
    if done is not None:
        return done
    folder = folder_for(source, cache_dir)
    contents = _read(source)
    config = configuration_of(source)
    if not config and contents.arguments:
        config = (json.dumps(contents.arguments, indent=2) + "\n").encode()
    _write(folder, contents.tensors, config, source)
    return described(folder)


def _read(source: Path) -> _Contents:
    if _torch_version() < _SAFE_TORCH:
        raise AudioCodecError(
            f"torch {torch.__version__} does not read pickles safely; install torch "
            f"{'.'.join(map(str, _SAFE_TORCH))} or newer"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on protocols that it may fail to read, and says so
            found = torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsMismatch(
            f"{source}: refused, as it holds more than tensors: {_first_line(error)}"
        ) from error
    except Exception as error:  # of a damaged file: whatever its bytes happen to ask for
        raise WeightsMismatch(f"{source}: no file of tensors: {_first_line(error)}") from error
    state = found.get("state_dict", found) if isinstance(found, Mapping) else None
    if not isinstance(state, Mapping) or not state:
        raise WeightsMismatch(f"{source}: no table of tensors by name")
    _check(state, source)
    return _Contents({str(k): t.detach() for k, t in state.items()}, _arguments(found, source))


def _check(state: Mapping[Any, Any], source: Path) -> None:
    total = 0
    for key, tensor in state.items():
        plain = isinstance(tensor, Tensor) and tensor.layout is torch.strided
        if not isinstance(key, str) or not plain or tensor.is_quantized:
            raise WeightsMismatch(f"{source}: {str(key)[:80]} is no plain tensor")
        total += tensor.numel()  # a stride of 0 makes as many as it likes of a few bytes
        if total > MAX_PARAMETERS:
            raise WeightsMismatch(f"{source}: over {MAX_PARAMETERS} parameters is refused")


def _arguments(found: Mapping[Any, Any], source: Path) -> dict[str, Any]:
    metadata = found.get("metadata")
    arguments = metadata.get("kwargs") if isinstance(metadata, Mapping) else None
    if not isinstance(arguments, Mapping):
        return {}
    try:
        return dict(json.loads(json.dumps(dict(arguments), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise WeightsMismatch(f"{source}: its arguments are not plain values: {error}") from error


def _write(folder: Path, tensors: dict[str, Tensor], config: bytes, source: Path) -> None:
    made = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        made.mkdir(parents=True)
        # Copies, because safetensors takes no tensors that share their bytes.
        copies = {key: tensor.contiguous().clone() for key, tensor in tensors.items()}
        save_file(copies, made / WEIGHTS, metadata={"format": "pt", "source": source.name})
        if config:
            (made / CONFIG).write_bytes(config)
        os.rename(made, folder)
    except Exception as error:
        shutil.rmtree(made, ignore_errors=True)
        if (folder / WEIGHTS).exists():
            return  # another process was quicker
        raise _cannot_write(folder, error) from error
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _cannot_write(folder: Path, error: Exception) -> AudioCodecError:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    # safetensors wraps what the system said into text.
    if full or "No space left" in str(error):
        return AudioCodecError(f"cannot write {folder}: the disk is full; free some space")
    return AudioCodecError(f"cannot write {folder}: {_first_line(error)}")


def _torch_version() -> tuple[int, ...]:
    return tuple(int(part) for part in torch.__version__.split(".")[:2])


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
