import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodec.audio.pcm import RawFormat, pack, quantize, unpack
from audiocodec.errors import UnsupportedAudio


@given(st.integers(1, 8), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_every_integer_of_16_and_24_bits_survives(channels: int, samples: int, seed: int) -> None:
    data = np.random.default_rng(seed).bytes(channels * samples * 6)
    assert pack(unpack(data, "s16le", channels), "s16le") == data
    assert pack(unpack(data, "s24le", channels), "s24le") == data


def test_the_ends_of_each_range() -> None:
    assert unpack(b"\x00\x80\xff\x7f", "s16le", 1).tolist() == [[-1.0, 32767 / 32768]]
    assert unpack(b"\x00\x00\x80\x01\x00\x00", "s24le", 1).tolist() == [[-1.0, 2.0**-23]]
    assert unpack(b"\x00\x00\x00\x80", "s32le", 1).tolist() == [[-1.0]]


def test_floats_pass_unchanged_even_beyond_full_scale() -> None:
    wav = np.array([[1.5, -2.25], [1e-30, 0.1]], np.float32)
    assert np.array_equal(unpack(pack(wav, "f32le"), "f32le", 2), wav)


def test_channels_are_interleaved_in_the_bytes_and_apart_in_the_array() -> None:
    wav = unpack(np.array([1, 2, 3, 4], "<i2").tobytes(), "s16le", 2) * 32768
    assert wav.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert wav.flags.c_contiguous
    assert wav.dtype == np.float32


def test_rounding_is_to_nearest_and_full_scale_clips() -> None:
    wav = np.array([0.49, 0.51, -0.51, -0.49, 32768, 40000, -32768, -40000], np.float32)
    wav /= 32768
    assert quantize(wav, bits=16).tolist() == [0, 1, -1, 0, 32767, 32767, -32768, -32768]
    assert quantize(np.array([1.0], np.float32), bits=32).tolist() == [2**31 - 1]


@pytest.mark.parametrize("encoding", ["s16le", "s24le", "s32le"])
def test_half_a_step_is_the_largest_error(encoding: str) -> None:
    wav = np.random.default_rng(0).uniform(-0.999, 0.999, (3, 1000)).astype(np.float32)
    back = unpack(pack(wav, encoding), encoding, 3)  # type: ignore[arg-type]
    assert np.abs(back - wav).max() <= 0.5 / 2 ** (min(25, int(encoding[1:3])) - 1)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(UnsupportedAudio, match="'u8'.*s16le"):
        RawFormat(16000, 1, "u8")  # type: ignore[arg-type]
