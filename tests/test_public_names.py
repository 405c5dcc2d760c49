"""The public names are lazy, complete, and what they say."""

import ast
import importlib
from pathlib import Path

import pytest

import audiocodec
from audiocodec import errors

SOURCE = Path(audiocodec.__file__).read_text(encoding="utf-8")


def shown_to_type_checkers() -> set[str]:
    """Return the names that the TYPE_CHECKING block imports."""
    tree = ast.parse(SOURCE)
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_type_checkers_see_the_same_names() -> None:
    assert shown_to_type_checkers() | {"__version__"} == set(audiocodec.__all__)


@pytest.mark.parametrize("name", audiocodec.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(audiocodec, name) is not None
    assert name in dir(audiocodec)


def test_every_error_is_public() -> None:
    tree = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert tree <= set(audiocodec.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = audiocodec.lod  # type: ignore[attr-defined]


def test_importing_the_submodule_does_not_hide_load() -> None:
    module = importlib.import_module("audiocodec.load")
    assert audiocodec.load is module.load
