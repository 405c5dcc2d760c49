"""Fixtures for the command line: a tiny model in a folder, and a way to run `codec` on it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from audiocodec.cli.app import app
from typer.testing import CliRunner

if TYPE_CHECKING:
    from typer.testing import Result

    from audiocodec.codec import Codec

Run = Callable[..., "Result"]


@pytest.fixture(scope="session")
def model_folder(
    make_tiny_codec: "Callable[..., Codec]", tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a random model of 3 levels at 8 kHz, 2 kbps each."""
    folder = tmp_path_factory.mktemp("tiny model")
    make_tiny_codec().save(folder)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def codec(place: Path, model_folder: Path) -> Run:
    """Run a command in this process; encode and decode get the tiny model."""

    def run(command: str, *words: str, input: bytes = b"") -> "Result":
        if command in ("encode", "decode"):
            for option, value in (("--model", str(model_folder)), ("--device", "cpu")):
                words = words if option in words else (*words, option, value)
        return CliRunner().invoke(app, [command, *words], input=input, catch_exceptions=False)

    return run


@pytest.fixture
def write_sound(place: Path) -> Callable[..., Path]:
    """Write a sine of some samples as a sound file, making its folder."""

    def write(
        name: str, samples: int = 4000, *, channels: int = 1, sample_rate_hz: int = 8000
    ) -> Path:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = 0.5 * np.sin(np.arange(samples) * 0.3)
        soundfile.write(path, np.stack([wave] * channels, axis=1), sample_rate_hz)
        return path

    return write
