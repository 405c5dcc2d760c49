"""Perceptual measures rank copies, and name the extra where their library is missing."""

import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from audiocodec.errors import MissingExtra
from audiocodec.evaluate.perceptual import pesq_wb, stoi

FloatArray = NDArray[np.float32]
Measure = Callable[[FloatArray, FloatArray, int], float]
RATE = 24_000
MEASURES = [("pesq", pesq_wb), ("pystoi", stoi)]


@pytest.fixture(scope="module")
def speechlike() -> FloatArray:
    """Three seconds of harmonics under a moving envelope, with syllables and pauses."""
    time = np.arange(3 * RATE) / RATE
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    wav = sum(np.sin(k * pitch) / k * (1 + np.sin(2 * np.pi * k * time / 3)) for k in range(1, 30))
    envelope = np.clip(np.sin(2 * np.pi * 2.5 * time), 0, None)
    return np.asarray(0.1 * envelope * wav, dtype=np.float32)


def with_noise(wav: FloatArray, level: float) -> FloatArray:
    noise = np.random.default_rng(0).standard_normal(len(wav))
    return (wav + level * noise).astype(np.float32)


@pytest.mark.parametrize(("library", "measure"), MEASURES)
def test_a_worse_copy_scores_less(library: str, measure: Measure, speechlike: FloatArray) -> None:
    pytest.importorskip(library)
    found = [measure(speechlike, with_noise(speechlike, level), RATE) for level in (0, 0.01, 0.3)]
    assert found == sorted(found, reverse=True)
    best, most = {"pesq": (4.5, 4.65), "pystoi": (0.99, 1.01)}[library]
    assert best < found[0] < most
    assert found[2] < 0.8 * found[0]


@pytest.mark.parametrize(("library", "measure"), MEASURES)
def test_too_little_sound_is_nan(library: str, measure: Measure, speechlike: FloatArray) -> None:
    pytest.importorskip(library)
    silence, moment = np.zeros(3 * RATE, np.float32), speechlike[RATE // 10 : RATE // 5]
    assert np.isnan(measure(silence, silence, RATE))
    assert np.isnan(measure(moment, moment, RATE))


@pytest.mark.parametrize(("library", "measure"), MEASURES)
def test_a_missing_library_names_its_extra(
    library: str, measure: Measure, speechlike: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r"pip install 'audiocodec\[eval\]'"):
        measure(speechlike, speechlike, RATE)
