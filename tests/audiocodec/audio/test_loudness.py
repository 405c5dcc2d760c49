"""Loudness: the recommendation's sine, gates, channels, any blocks, another program."""

import numpy as np
import pytest

from audiocodec.audio.loudness import LoudnessMeter


def measured(wav: np.ndarray, rate: int, block: int = 10_000) -> float | None:
    meter = LoudnessMeter(rate, len(wav))
    for start in range(0, wav.shape[1], block):
        meter.push(wav[:, start : start + block])
    return meter.loudness_lufs()


def sine(rate: int, seconds: float, level: float = 1.0) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * 997 * np.arange(int(rate * seconds)) / rate)
    return wave.astype(np.float32)[None]


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 24000, 44100, 48000, 192000])
def test_the_recommendations_sine(rate: int) -> None:
    assert measured(sine(rate, 3), rate) == pytest.approx(-3.01, abs=0.05)
    assert measured(sine(rate, 3, 0.1), rate) == pytest.approx(-23.01, abs=0.05)


def test_channels_add_up_and_surround_weighs_more() -> None:
    mono, none = sine(48000, 2, 0.1), np.zeros((1, 96000), np.float32)
    assert measured(np.repeat(mono, 2, axis=0), 48000) == pytest.approx(-20.0, abs=0.02)
    left = np.concatenate([mono, *[none] * 5])
    assert measured(left, 48000) == pytest.approx(-23.01, abs=0.02)
    assert measured(left[::-1].copy(), 48000) == pytest.approx(-23.01 + 1.49, abs=0.02)
    assert measured(left[[1, 1, 1, 0, 1, 1]], 48000) is None, "the bass channel does not count"


def test_quiet_parts_do_not_count() -> None:
    loud, quiet, silence = sine(16000, 4, 0.1), sine(16000, 4, 0.01), sine(16000, 4, 0.0)
    whole = np.concatenate([silence, loud, quiet], axis=1)
    assert measured(whole, 16000) == pytest.approx(-23.1, abs=0.2)


def test_too_short_or_too_quiet() -> None:
    assert measured(sine(24000, 0.39), 24000) is None
    assert measured(sine(24000, 0.4), 24000) is not None
    assert measured(sine(24000, 2, 1e-5), 24000) is None
    assert LoudnessMeter(24000, 1).loudness_lufs() is None


def test_blocks_of_any_size_give_the_same() -> None:
    wav = np.random.default_rng(0).standard_normal((2, 60_000), np.float32) / np.float32(10)
    whole = measured(wav, 16000, 60_000)
    for block in (333, 4096, 25_000):
        assert measured(wav, 16000, block) == pytest.approx(whole, abs=1e-9)
    meter = LoudnessMeter(16000, 2)
    meter.push(wav)
    assert meter.peak == np.abs(wav).max()


def test_pyloudnorm_agrees() -> None:
    library = pytest.importorskip("pyloudnorm")
    rng = np.random.default_rng(0)
    wav = rng.standard_normal((2, 48_000 * 4)) * np.linspace(0.001, 0.3, 48_000 * 4)
    expected = library.Meter(48_000).integrated_loudness(wav.T)
    assert measured(wav.astype(np.float32), 48_000) == pytest.approx(expected, abs=0.1)
