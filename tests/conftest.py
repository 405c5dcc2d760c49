"""Fixtures for all tests."""

import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.families.soundstream import SoundStreamConfig


def load_tiny(name: str = "tiny") -> ModuleType:
    """Return a file of this folder as the module tests.NAME, wherever the tests are run from."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = spec_from_file_location(f"tests.{name}", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[module.__name__] = module  # for dataclasses, and for other such files
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def lyra_files() -> ModuleType:
    """The module tests/tiny_lyra.py: a tiny Lyra, and TFLite files that hold it."""
    load_tiny("tiny_tflite")
    return load_tiny("tiny_lyra")


@pytest.fixture(scope="session")
def tiny_encodec() -> ModuleType:
    """The module tests/tiny_encodec.py: a tiny EnCodec of every kind."""
    return load_tiny("tiny_encodec")


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


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A `TinyHub` (tests/tiny_hub.py) at whose address huggingface_hub finds the Hub.

    Its cache is `tmp_path / "cache"`. Programs that a test starts find it by their environment.
    """
    from huggingface_hub import constants

    with load_tiny("tiny_hub").serve() as server:
        values = {
            "ENDPOINT": server.endpoint,
            "HUGGINGFACE_CO_URL_TEMPLATE": server.endpoint
            + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_ASSETS_CACHE": str(tmp_path / "assets"),
            "HF_TOKEN_PATH": str(tmp_path / "token"),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
        }
        for name, value in values.items():
            monkeypatch.setattr(constants, name, value, raising=False)
        environment = {
            "HF_ENDPOINT": server.endpoint,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield server
