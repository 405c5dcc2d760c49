"""The tables of entropy coding: a file beside a model's weights, and who finds it; no torch."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from audiocodec.atomic import atomic_output
from audiocodec.bitstream.context import ContextTables, Layer, LevelNetwork
from audiocodec.bitstream.entropy import EntropyTables as EntropyTables
from audiocodec.bitstream.static import StaticTables
from audiocodec.codes import ModelIdentity
from audiocodec.errors import UnknownModel, WrongModel
from audiocodec.hub.cached import cached_files
from audiocodec.hub.choice import TABLES

FILE, MAX_BYTES = TABLES, 1 << 26
_LAYERS = ("first", "second", "scores")


@dataclass(frozen=True, slots=True)
class TablesFile:
    """Tables, and the hash of the weights whose codes they were made for ("": unknown).

    content: the bytes of the file, to be kept with the weights when they are saved.
    """

    tables: EntropyTables
    weights_sha256: str
    content: bytes = b""

    def content_for(self, weights_sha256: str) -> bytes:
        """Return the file for the same weights stored in another precision: another hash."""
        if self.weights_sha256 == weights_sha256:
            return self.content
        size = int.from_bytes(self.content[:8], "little")
        described = json.loads(self.content[8 : 8 + size])
        described["__metadata__"]["weights_sha256"] = weights_sha256
        text = json.dumps(described, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)  # as the format wants it
        return len(text).to_bytes(8, "little") + text + self.content[8 + size :]


def read_tables(path: Path) -> TablesFile:
    """Return what a file of tables holds; raises WrongModel when it is not one."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WrongModel(f"{path}: over {MAX_BYTES} bytes are no tables for entropy coding")
        content = path.read_bytes()
        with safe_open(path, framework="numpy") as file:
            facts: dict[str, str] = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tables = tables_of(arrays, facts, identity_of(content))
    except (OSError, SafetensorError, KeyError, ValueError, IndexError, TypeError) as error:
        raise WrongModel(f"{path}: not tables for entropy coding: {error}") from error
    return TablesFile(tables, facts.get("weights_sha256", ""), content)


def save_tables(found: TablesFile | None, folder: Path, weights_sha256: str) -> None:
    """Put tables, if there are any, beside weights that were saved with that hash."""
    if found is not None and found.content:
        with atomic_output(folder / FILE, overwrite=True) as file:
            file.write(found.content_for(weights_sha256))


def identity_of(content: bytes) -> str:
    """Return by what 16 hex digits `.codes` files name a file of tables."""
    return hashlib.sha256(content).hexdigest()[:16]


@cache
def embedded_tables() -> TablesFile | None:
    """Return the tables beside the embedded weights, None where there are none."""
    path = Path(__file__).parent / "pretrained" / FILE
    return read_tables(path) if path.exists() else None


def tables_beside(model: Path, weights_sha256: str) -> TablesFile | None:
    """Return the tables in a model's folder, None unless they are there and for its weights.

    model: the folder, or the file of weights in it.
    """
    path = (model.parent if model.is_file() else model) / FILE
    if not path.is_file():
        return None
    found = read_tables(path)
    return found if found.weights_sha256 == weights_sha256 else None


def tables_of_model(model: str | Path) -> EntropyTables:
    """Return the tables of a model: a folder, or a Hub name that is in the cache.

    The weights are not read. Raises UnknownModel where there are none.
    """
    name, _, revision = str(model).partition("@")
    if (Path(model) / FILE).is_file():
        return read_tables(Path(model) / FILE).tables
    for path in () if Path(model).is_dir() else cached_files(name, FILE, revision):
        return read_tables(path).tables
    raise UnknownModel(
        f"{model}: no {FILE} there; give a model's folder that has one, or a name on the Hub "
        f"after `codec pull`"
    )


def tables_for(model: ModelIdentity | None) -> TablesFile | None:
    """Return the tables to write a model's codes with: the embedded ones, or in the Hub's cache."""
    if model is None or not model.weights_sha256:
        return None
    embedded = embedded_tables()
    if embedded is not None and embedded.weights_sha256 == model.weights_sha256:
        return embedded
    found = (read_tables(path) for path in cached_files(model.name, FILE, model.revision))
    return next((f for f in found if f.weights_sha256 == model.weights_sha256), None)


def tables_named(
    identity: str, *others: EntropyTables | None, model_name: str = ""
) -> EntropyTables | None:
    """Return the tables of that name, None if they are nowhere at hand.

    They are looked for among `others`, the embedded ones, and those that the Hub's cache holds of
    the model of that name.
    """
    if not identity:
        return None
    embedded = embedded_tables()
    for tables in (*others, embedded.tables if embedded else None):
        if tables is not None and tables.identity == identity:
            return tables
    for path in _small(cached_files(model_name, FILE)):
        if identity_of(path.read_bytes()) == identity:
            return read_tables(path).tables
    return None


def _small(paths: Iterator[Path]) -> Iterator[Path]:
    return (path for path in paths if path.stat().st_size <= MAX_BYTES)


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
