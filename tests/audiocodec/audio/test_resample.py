import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audiocodec.audio.limits import FloatArray
from audiocodec.audio.resample import Resampler, resample, resampled_length

RATES = st.sampled_from([8000, 11025, 16000, 22050, 24000, 44100, 44101, 48000, 96000, 192000])


def noise(channels: int, samples: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((channels, samples)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(RATES, RATES, st.integers(0, 6000), st.lists(st.integers(0, 3000), max_size=8))
@example(44100, 24000, 6000, [1] * 50)
@example(24000, 44100, 0, [0, 0])
def test_blocks_do_not_matter_and_the_length_is_exact(
    from_hz: int, to_hz: int, samples: int, cuts: list[int]
) -> None:
    wav = noise(2, samples)
    whole = resample(wav, from_hz, to_hz)
    assert whole.shape == (2, resampled_length(samples, from_hz, to_hz))
    resampler = Resampler(from_hz, to_hz, 2)
    parts, position = [], 0
    for cut in [*cuts, samples]:
        parts.append(resampler.push(wav[:, position : position + cut]))
        position += cut
    parts.append(resampler.flush())
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    assert all(part.dtype == np.float32 and part.flags.c_contiguous for part in parts)


def test_many_seconds_in_uneven_blocks_are_the_same_bit_for_bit() -> None:
    wav = noise(1, 1_000_003)
    for from_hz, to_hz in ((44100, 24000), (24000, 48000), (44101, 24000)):
        resampler = Resampler(from_hz, to_hz, 1)
        parts = [resampler.push(wav[:, at : at + 9973]) for at in range(0, wav.shape[1], 9973)]
        streamed = np.concatenate([*parts, resampler.flush()], axis=1)
        assert np.array_equal(streamed, resample(wav, from_hz, to_hz))


@given(RATES, RATES, st.integers(0, 10**12))
def test_there_and_back_never_falls_short(from_hz: int, to_hz: int, samples: int) -> None:
    there = resampled_length(samples, from_hz, to_hz)
    assert there * from_hz >= samples * to_hz > (there - 1) * from_hz
    assert resampled_length(there, to_hz, from_hz) >= samples


@settings(max_examples=30, deadline=None)
@given(RATES, RATES, st.integers(0, 3000))
def test_the_round_trip_has_the_original_length(from_hz: int, to_hz: int, samples: int) -> None:
    there = resample(noise(1, samples), from_hz, to_hz)
    assert resample(there, to_hz, from_hz, samples=samples).shape == (1, samples)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 24000), (16000, 24000), (48000, 24000)])
def test_a_tone_keeps_its_time_and_height(from_hz: int, to_hz: int) -> None:
    def tone(rate_hz: int) -> FloatArray:
        seconds = np.arange(rate_hz) / rate_hz
        return (0.5 * np.sin(2 * np.pi * 1000 * seconds + 0.3))[None].astype(np.float32)

    error = resample(tone(from_hz), from_hz, to_hz) - tone(to_hz)
    assert np.abs(error[:, 2000:-2000]).max() < 1e-6


def test_what_lies_above_the_new_nyquist_frequency_is_gone() -> None:
    tone = np.sin(2 * np.pi * 15000 * np.arange(48000) / 48000)[None].astype(np.float32)
    assert np.abs(resample(tone, 48000, 24000)[:, 2000:-2000]).max() < 1e-6


def test_the_round_trip_gives_back_what_both_rates_hold() -> None:
    spectrum = np.fft.rfft(noise(1, 44100))
    spectrum[:, 10000:] = 0  # below 0.9 of the Nyquist frequency of 24 kHz
    wav = np.fft.irfft(spectrum).astype(np.float32)
    back = resample(resample(wav, 44100, 24000), 24000, 44100, samples=44100)
    # soxr's pass band falls by up to 0.01 dB, 1.2e-3 of the height, towards its edge.
    assert np.abs(back - wav)[:, 4000:-4000].max() < 1.2e-3 * np.abs(wav).max()


@pytest.mark.parametrize("to_hz", [24000, 16000])
def test_a_longer_result_ends_in_zeros_and_a_shorter_one_is_cut(to_hz: int) -> None:
    wav = noise(2, 100)
    natural = resample(wav, 24000, to_hz)
    longer = resample(wav, 24000, to_hz, samples=300)
    assert longer.shape == (2, 300)
    assert np.array_equal(longer[:, : natural.shape[1]], natural)
    assert not longer[:, natural.shape[1] :].any()
    assert np.array_equal(resample(wav, 24000, to_hz, samples=31), natural[:, :31])
    assert resample(wav, 24000, to_hz, samples=0).shape == (2, 0)


def test_equal_rates_change_nothing() -> None:
    wav = noise(3, 500)
    assert np.array_equal(resample(wav, 44100, 44100), wav)


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \[2, T\], got \[1, 5\]"):
        Resampler(8000, 16000, 2).push(noise(1, 5))
    with pytest.raises(ValueError, match="0 to 16000 Hz"):
        Resampler(0, 16000, 2)
