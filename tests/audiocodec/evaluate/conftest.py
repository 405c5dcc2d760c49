"""Sounds to measure."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
RATE = 16_000


def make_speechlike(seconds: float, rate: int = RATE) -> FloatArray:
    """Return harmonics of a moving pitch under syllables, with pauses and a little hiss."""
    time = np.arange(round(seconds * rate)) / rate
    pitch = 2 * np.pi * np.cumsum(130 + 30 * np.sin(2 * np.pi * 0.7 * time)) / rate
    wav = sum(np.sin(k * pitch) / k * (1 + np.sin(2 * np.pi * k * time / 3)) for k in range(1, 30))
    envelope = np.clip(np.sin(2 * np.pi * 2.5 * time), 0, None)
    hiss = np.random.default_rng(1).standard_normal(len(time))
    return np.asarray(0.1 * envelope * wav + 0.0005 * hiss, dtype=np.float32)


@pytest.fixture(scope="session")
def speech() -> FloatArray:
    """Three seconds of something like speech at 16 kHz."""
    return make_speechlike(3)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three clips of speech and one of music at 8 kHz, with a manifest, and one for training."""
    folder = tmp_path / "corpus"
    (folder / "sub").mkdir(parents=True)
    rows = ["path,split,category,bandwidth_hz"]
    for i in range(5):
        wav = make_speechlike(1 + i / 10, 8000)
        soundfile.write(folder / "sub" / f"{i}.wav", wav, 8000)
        category = "music" if i == 3 else "speech"
        rows.append(f"sub/{i}.wav,{'train' if i == 4 else 'dev'},{category},{12000 if i else 4000}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def write_program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a Python program to a file."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
