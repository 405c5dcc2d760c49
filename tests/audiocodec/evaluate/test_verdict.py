"""What is wrong with a copy is said before it is measured."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audiocodec.evaluate.verdict import Problem, find_lag, judge, shift

FloatArray = NDArray[np.float32]
RATE = 16_000


def noise(samples: int = 8000, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, samples).astype(np.float32)


def moved(wav: FloatArray, lag: int) -> FloatArray:
    return shift(wav, -lag)


def test_a_perfect_copy_is_identical() -> None:
    verdict = judge(noise(), noise(), RATE)
    assert (verdict.problem, verdict.measurable) == (Problem.IDENTICAL, True)


def test_a_copy_with_noise_is_ok() -> None:
    verdict = judge(noise(), noise() + 0.1 * noise(seed=1), RATE)
    assert (verdict.problem, verdict.message, verdict.lag_samples) == (Problem.NONE, "", 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(16, 4000), st.booleans())
def test_a_late_or_early_copy_is_found_to_the_sample(lag: int, late: bool) -> None:
    lag = lag if late else -lag
    copy = moved(noise(16_000), lag) + 0.05 * noise(16_000, seed=1)
    verdict = judge(noise(16_000), copy, RATE)
    assert (verdict.problem, verdict.lag_samples) == (Problem.MISALIGNED, lag)
    assert verdict.message == (
        f"{abs(lag)} samples ({abs(lag) / 16:.1f} ms) {'late' if late else 'early'}"
    )
    back = shift(verdict.copy, verdict.lag_samples)
    assert find_lag(noise(16_000), back, RATE) == 0


def test_a_copy_with_phases_of_its_own_has_no_lag() -> None:
    spectrum = np.fft.rfft(noise())
    turns = np.exp(2j * np.pi * np.random.default_rng(2).random(len(spectrum)))
    copy = np.fft.irfft(spectrum * turns).astype(np.float32)
    assert judge(noise(), copy, RATE).problem is Problem.NONE
    assert judge(noise(), -noise(), RATE).problem is Problem.NONE  # turned over, but in place


def test_shorter_and_longer_copies_are_fitted() -> None:
    wav = noise()
    short, long = judge(wav, wav[:-100], RATE), judge(wav[:-100], wav, RATE)
    assert (short.problem, short.message) == (Problem.SHORTER, "100 samples shorter")
    assert (long.problem, long.message) == (Problem.LONGER, "100 samples longer")
    np.testing.assert_array_equal(short.copy, [*wav[:-100], *np.zeros(100)])
    np.testing.assert_array_equal(long.copy, wav[:-100])
    both = judge(wav, moved(wav, 400)[:-100], RATE)
    assert both.message == "100 samples shorter, 400 samples (25.0 ms) late"


@pytest.mark.parametrize(
    ("reference", "copy", "problem", "message"),
    [
        (noise(), np.full(8000, np.nan, np.float32), Problem.NOT_FINITE, "the copy has NaN"),
        (noise(), np.full(8000, np.inf, np.float32), Problem.NOT_FINITE, "first at 0.000 s"),
        (np.full(8000, np.inf, np.float32), noise(), Problem.NOT_FINITE, "the reference has NaN"),
        (noise(), np.zeros(8000, np.float32), Problem.SILENT, "the copy is silent"),
        (np.zeros(8000, np.float32), noise(), Problem.SILENT_REFERENCE, "reference is silent"),
        (noise(), noise(0), Problem.EMPTY, "the copy has no samples"),
    ],
)
def test_what_cannot_be_measured_says_why(
    reference: FloatArray, copy: FloatArray, problem: Problem, message: str
) -> None:
    verdict = judge(reference, copy, RATE)
    assert (verdict.problem, verdict.measurable) == (problem, False)
    assert message in verdict.message
    assert verdict.copy.shape == reference.shape


def test_the_place_of_the_first_nan_is_told() -> None:
    copy = noise()
    copy[4000] = np.nan
    assert "first at 0.250 s" in judge(noise(), copy, RATE).message
