import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodec.audio.layout import from_rows, row_count, to_mono, to_rows


@given(st.integers(1, 8), st.integers(1, 2), st.integers(0, 5))
def test_rows_and_back_is_the_same_sound(channels: int, codec_channels: int, samples: int) -> None:
    wav = np.random.default_rng(channels).standard_normal((channels, samples)).astype(np.float32)
    rows = to_rows(wav, codec_channels)
    assert rows.shape == (row_count(channels, codec_channels), codec_channels, samples)
    assert np.array_equal(from_rows(rows, channels), wav)


def test_a_mono_codec_gets_every_channel_as_a_row() -> None:
    wav = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert to_rows(wav, 1).tolist() == [[[0, 1]], [[2, 3]], [[4, 5]]]


def test_a_stereo_codec_gets_mono_twice_and_its_results_are_averaged() -> None:
    assert to_rows(np.array([[1, 2]], np.float32), 2).tolist() == [[[1, 2], [1, 2]]]
    assert from_rows(np.array([[[1, 2], [3, 6]]], np.float32), 1).tolist() == [[2, 4]]


def test_a_stereo_codec_gets_pairs() -> None:
    wav = np.array([[1], [2], [3]], np.float32)
    assert to_rows(wav, 2).tolist() == [[[1], [2]], [[3], [3]]]


def test_rows_of_another_sound_are_refused() -> None:
    with pytest.raises(ValueError, match="2 rows of 1 channels"):
        from_rows(np.zeros((2, 1, 4), np.float32), 3)


def test_mono_is_the_mean() -> None:
    mono = to_mono(np.array([[1, 0], [0.5, -1]], np.float32))
    assert mono.tolist() == [[0.75, -0.5]]
    assert mono.dtype == np.float32
