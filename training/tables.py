"""Tables of TOML to frozen dataclasses, strictly: unknown keys and wrong types are errors."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from audiocodec.errors import AudioCodecError

T = TypeVar("T")


class RecipeError(AudioCodecError):
    """A recipe that cannot be read: unknown key, wrong type, impossible number."""


def apply_override(table: dict[str, Any], override: str) -> None:
    """Put `key.sub=value` into a table; a number in the key counts into a list, from 0.

    The value is TOML where it reads as such, else text: `run.folder=runs/two` needs no quotes.
    Raises RecipeError where there is no such place.
    """
    key, equals, text = (part.strip() for part in override.partition("="))
    if not equals or not all(key.split(".")):
        raise RecipeError(f"{override!r} is no override: write key=value, as in run.seed=1")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = key.split(".")
    node: Any = table
    for parent in parents:
        if isinstance(node, dict):
            node = node.setdefault(parent, {})
        else:
            node = node[_position(node, parent, key)]
    if isinstance(node, dict):
        node[last] = value
    else:
        node[_position(node, last, key)] = value


def _position(node: object, part: str, key: str) -> int:
    if not isinstance(node, list):
        raise RecipeError(f"{key}: what is before {part!r} is {node!r}, not a table or a list")
    if not part.isdigit() or int(part) >= len(node):
        raise RecipeError(f"{key}: {part!r} is no entry of a list that has 0 to {len(node) - 1}")
    return int(part)


def build(kind: type[T], table: Mapping[str, Any], *, where: str) -> T:
    """Make a frozen dataclass of a table; `where` names it in errors.

    Raises RecipeError for unknown and missing keys, wrong types and numbers that it refuses.
    """
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise RecipeError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")
    for key, f in known.items():
        if key not in table and f.default is MISSING and f.default_factory is MISSING:
            raise RecipeError(f"{where}: the key {key!r} is missing")
    values = {key: _value(hints[key], value, f"{where}.{key}") for key, value in table.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return build(hint, _mapping(value, where), where=where)
    origin = get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where}: a list is needed, not {value!r}")
        return tuple(_value(get_args(hint)[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        inner, items = get_args(hint)[1], _mapping(value, where).items()
        return {key: _value(inner, v, f"{where}.{key}") for key, v in items}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise RecipeError(f"{where}: {hint.__name__} is needed, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{where}: a finite number is needed, not {value}")
    return value


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{where}: a table is needed, not {value!r}")
    return value
