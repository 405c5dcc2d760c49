"""The tables of entropy coding: a file beside a model's weights, and who finds it; no torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from audiocodec.bitstream.context import ContextTables, Layer, LevelNetwork
from audiocodec.bitstream.entropy import EntropyTables as EntropyTables
from audiocodec.bitstream.static import StaticTables
from audiocodec.codes import ModelIdentity
from audiocodec.errors import WrongModel

FILE = "entropy.safetensors"
MAX_BYTES = 1 << 26
_LAYERS = ("first", "second", "scores")


@dataclass(frozen=True, slots=True)
class TablesFile:
    """Tables, and the hash of the weights whose codes they were made for ("": unknown)."""

    tables: EntropyTables
    weights_sha256: str


def read_tables(path: Path) -> TablesFile:
    """Return what a file of tables holds; raises WrongModel when it is not one."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WrongModel(f"{path}: over {MAX_BYTES} bytes are no tables for entropy coding")
        identity = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        with safe_open(path, framework="numpy") as file:
            facts: dict[str, str] = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tables = tables_of(arrays, facts, identity)
    except (OSError, SafetensorError, KeyError, ValueError, IndexError, TypeError) as error:
        raise WrongModel(f"{path}: not tables for entropy coding: {error}") from error
    return TablesFile(tables, facts.get("weights_sha256", ""))


@cache
def embedded_tables() -> TablesFile | None:
    """Return the tables beside the embedded weights, None where there are none."""
    path = Path(__file__).parent / "pretrained" / FILE
    return read_tables(path) if path.exists() else None


def tables_beside(folder: Path, weights_sha256: str) -> EntropyTables | None:
    """Return the tables in a model's folder, None unless they are there and for its weights."""
    path = folder / FILE
    if not path.is_file():
        return None
    found = read_tables(path)
    return found.tables if found.weights_sha256 == weights_sha256 else None


def tables_for(model: ModelIdentity | None) -> EntropyTables | None:
    """Return the tables to write a model's codes with; None but for the embedded model's."""
    found = embedded_tables()
    if model is None or found is None or found.weights_sha256 != model.weights_sha256:
        return None
    return found.tables


def tables_named(identity: str, *others: EntropyTables | None) -> EntropyTables | None:
    """Return the tables of that name: one of `others`, or the embedded; None if neither is it."""
    embedded = embedded_tables() if identity else None
    for tables in (*others, embedded.tables if embedded else None):
        if tables is not None and tables.identity == identity:
            return tables
    return None


def tables_of(
    arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, str], identity: str
) -> EntropyTables:
    """Return the tables of the arrays of a file; raises KeyError or WrongModel."""
    if facts["kind"] == "static":
        counts = [arrays[f"counts.{level}"] for level in range(len(arrays))]
        return StaticTables(identity, tuple(array.astype(np.int64) for array in counts))
    if facts["kind"] != "context":
        raise WrongModel(f"tables of kind {facts['kind']!r}; update audiocodec to use them")
    floats = {
        name: array.astype(np.float32)
        for name, array in arrays.items()
        if name not in ("gains", "powers")
    }
    levels = tuple(
        LevelNetwork(*(_layer(floats, name, level) for name in _LAYERS))
        for level in range(len(arrays["gains"]))
    )
    return ContextTables(
        identity=identity,
        vectors=floats["vectors"],
        gains=arrays["gains"].astype(np.int64),
        sum_shift=int(facts["sum_shift"]),
        powers=arrays["powers"].astype(np.int64),
        window=int(facts["window"]),
        previous=int(facts["previous"]),
        levels=levels,
    )


def _layer(arrays: Mapping[str, NDArray[np.float32]], name: str, level: int) -> Layer:
    parts = (arrays[f"{name}.{part}"][level] for part in ("weight", "bias", "shift"))
    return Layer(*parts)
