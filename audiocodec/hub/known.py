"""The table of known models, `known_models.toml`, as values."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_name("known_models.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """What is known of a model before anything of it is fetched; the table has the meanings.

    frame_rates_hz: one for all levels, or one for each, coarse to fine.
    """

    name: str
    family: str
    revision: str
    weights: str
    rate_hz: int
    channels: int
    frame_rates_hz: tuple[float, ...]
    levels: int
    bitrates_kbps: tuple[float, ...]
    size_mb: int
    code_licence: str
    weights_licence: str
    attribution: str = ""
    note: str = ""


@cache
def known_models() -> tuple[KnownModel, ...]:
    """Return all known models, in the order of the table."""
    tables = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return tuple(_model(name, table) for name, table in tables.items())


def known_model(name: str) -> KnownModel | None:
    """Return the known model of that name; upper and lower case are one, as on the Hub."""
    return next((m for m in known_models() if m.name.lower() == name.lower()), None)


def _model(name: str, table: dict[str, Any]) -> KnownModel:
    values: dict[str, Any] = {}
    for key, value in table.items():
        values[key] = tuple(value) if isinstance(value, list) else value
    return KnownModel(name=name, **values)
