"""What a configuration must say before the weights that belong to it are fetched."""

import json
import math
from pathlib import Path
from typing import Any

from audiocodec.errors import UnknownModel

from .known import KnownModel

MAX_CONFIG_BYTES = 1 << 20
MODEL_TYPES = {"encodec", "dac", "mimi"}
_RATIOS = ("upsampling_ratios", "downsampling_ratios", "encoder_rates")


def check_config(name: str, path: Path, known: KnownModel | None, *, pinned: bool) -> None:
    """Refuse a model that is no codec, and early revisions of known models that are broken.

    path: its config.json. pinned: a certain revision was asked for, so another network of the
    same rate is what is wanted. Raises UnknownModel; what passes is checked again by the loader.
    """
    table = _read(path)
    kind = table.get("model_type")
    ours = "family" in table or any(key in table for key in _RATIOS)
    if kind is not None and not ours and kind not in MODEL_TYPES:
        raise UnknownModel(
            f"{name}: a model of the type {str(kind)[:40]!r}, which is no codec of a known family"
        )
    if known is None or "family" in table:
        return
    rate_hz = table.get("sampling_rate", table.get("sample_rate"))
    if rate_hz is not None and rate_hz != known.rate_hz:
        raise _early(name, f"its config.json says {rate_hz} Hz instead of {known.rate_hz}")
    if pinned or known.family == "mimi":  # which has another stride behind its convolutions
        return
    ratios = next((table[key] for key in _RATIOS if isinstance(table.get(key), list)), None)
    if ratios is None:
        raise _early(name, f"its config.json has none of {', '.join(_RATIOS)}")
    hop = math.prod(ratio for ratio in ratios if isinstance(ratio, int))
    if hop != round(known.rate_hz / known.frame_rates_hz[-1]):
        raise _early(name, f"its network has a hop of {hop} samples")


def _early(name: str, what: str) -> UnknownModel:
    return UnknownModel(f"{name}: {what}: an early, broken revision; give another one (--revision)")


def _read(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnknownModel(f"{path}: not valid JSON: {error}") from error
    if not isinstance(table, dict):
        raise UnknownModel(f"{path}: a JSON object was expected")
    return table
