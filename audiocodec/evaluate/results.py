"""Results: one line of JSON for each clip and point, kept from one run to the next."""

import base64
import json
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import AudioCodecError

RESULTS = "results.jsonl"
VERSION = 1
"""Of what a line means; lines of other versions are measured again."""


@dataclass(frozen=True, slots=True)
class Result:
    """One clip at one point.

    key: what the numbers depend on, but for which measures were asked for.
    asked: names of measures that were tried; those without a meaning for the clip are missing in
        `measures`.
    verdict: `Problem` of the copy; message: in words.
    usage: how often each code was used, see `pack_counts`; empty but at a model's most levels.
    """

    key: str
    clip: str
    system: str
    label: str
    kbps: float | None
    seconds: float
    payload_bytes: int | None
    file_bytes: int | None
    verdict: str
    message: str
    asked: tuple[str, ...]
    measures: dict[str, float] = field(default_factory=dict)
    usage: str = ""

    @property
    def point(self) -> str:
        """System and label."""
        return f"{self.system} {self.label}"


def result_line(result: Result) -> str:
    """Return a result as one line of JSON; numbers that are none are left out."""
    table = {**asdict(result), "version": VERSION}
    table["measures"] = {k: v for k, v in result.measures.items() if math.isfinite(v)}
    return json.dumps(table, allow_nan=False) + "\n"


def read_results(path: Path) -> dict[str, Result]:
    """Return what is in a file, by key; nothing where it is missing.

    A line that a kill cut short is left out, and so are those of another version.
    Raises AudioCodecError for a file that cannot be read.
    """
    if not path.exists():
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AudioCodecError(f"cannot read {path}: {error}; choose another folder") from error
    return {result.key: result for result in _parse(lines)}


def _parse(lines: Iterable[str]) -> Iterator[Result]:
    for line in lines:
        try:
            table = json.loads(line)
            if table.pop("version", None) == VERSION:
                yield Result(**{**table, "asked": tuple(table["asked"])})
        except (ValueError, TypeError, KeyError, AttributeError):
            continue


def pack_counts(indices: NDArray[np.int32], sizes: tuple[int, ...]) -> str:
    """Return how often each code of [R, K, F] was used, as text: zlib of uint32 in base64."""
    counts = [
        np.bincount(indices[:, level].ravel(), minlength=size).astype("<u4")
        for level, size in enumerate(sizes[: indices.shape[1]])
    ]
    table = {"sizes": [len(row) for row in counts]}
    packed = zlib.compress(np.concatenate(counts).tobytes(), 9)
    return json.dumps(table) + base64.b64encode(packed).decode()


def unpack_counts(text: str) -> list[NDArray[np.int64]]:
    """Return the counts of `pack_counts`, an array [N] for each level."""
    head, brace, body = text.partition("}")
    sizes = json.loads(head + brace)["sizes"]
    flat = np.frombuffer(zlib.decompress(base64.b64decode(body)), "<u4").astype(np.int64)
    return np.split(flat, np.cumsum(sizes)[:-1])
