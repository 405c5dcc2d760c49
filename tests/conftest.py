"""Fixtures for all tests."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.families.soundstream import SoundStreamConfig


def load_tiny() -> ModuleType:
    """Return tests/tiny.py as a module, wherever the tests are run from."""
    spec = spec_from_file_location("tiny_for_tests", Path(__file__).with_name("tiny.py"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_tiny_codec() -> "Callable[..., Codec]":
    """`tiny_codec` of tests/tiny.py: config, and by name seed and name."""
    make: Callable[..., Codec] = load_tiny().tiny_codec
    return make


@pytest.fixture(scope="session")
def tiny_codec(make_tiny_codec: "Callable[..., Codec]") -> "Codec":
    """One codec of a few thousand random parameters; it keeps no state between calls."""
    return make_tiny_codec()


@pytest.fixture(scope="session")
def wide_config() -> "SoundStreamConfig":
    """Configuration for `make_tiny_codec` that reaches torch's blocked and threaded kernels."""
    config: SoundStreamConfig = load_tiny().WIDE
    return config
