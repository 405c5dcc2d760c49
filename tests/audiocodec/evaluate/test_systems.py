"""Models as systems: levels for bit rates, sizes of codes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from audiocodec.errors import UnsupportedLevels
from audiocodec.evaluate.clips import Clip, Sound
from audiocodec.evaluate.systems import header_bytes, load_codec, low_pass, model_system, size_of
from audiocodec.evaluate.tokens import measure_stability

if TYPE_CHECKING:
    from audiocodec.codec import Codec

FloatArray = NDArray[np.float32]


@pytest.fixture
def model(tiny_codec: "Codec", tmp_path: Path) -> str:
    """A model of 3 levels of 2 kbps each."""
    tiny_codec.save(tmp_path / "model")
    return str(tmp_path / "model")


def test_bit_rates_snap_down_and_levels_are_powers_of_two(model: str) -> None:
    assert model_system(model, bitrates_kbps=(1.0, 2.5, 5.9, 60.0)).levels == (1, 2, 3)
    assert model_system(model).levels == (1, 2, 3)
    assert model_system(model, levels=(2,)).kbps == (4.0,)
    with pytest.raises(UnsupportedLevels, match="lowest bit rate of this model is 2 kbps"):
        model_system(model, bitrates_kbps=(1.0,))
    with pytest.raises(UnsupportedLevels, match="1 to 3"):
        model_system(model, levels=(9,))


def test_copies_are_the_codecs_and_bits_are_counted(model: str, speech: FloatArray) -> None:
    system = model_system(model)
    clip = Clip(Path("x"), "x", "all", ("all",))
    one, three = system.copies(clip, Sound(speech, 16_000), (system.points[0], system.points[2]))
    codec = load_codec(model)
    expected = codec.decode(codec.encode(speech, 16_000, levels=1)).numpy()
    np.testing.assert_array_equal(one.wav, expected)
    assert one.codes is not None and three.codes is not None
    assert (one.codes.levels, three.codes.levels) == (1, 3)
    assert one.file_bytes == size_of(one.codes)
    assert one.payload_bytes == size_of(one.codes) - header_bytes(one.codes)
    assert one.payload_bytes is not None and three.payload_bytes is not None
    # What is spent is close to the nominal rate: 2 and 6 kbps over 3 seconds.
    assert 0.3 * 750 < one.payload_bytes < 1.3 * 750
    assert one.payload_bytes < three.payload_bytes < 1.3 * 2250


def test_stability_is_counted_at_the_codecs_own_rate(
    tiny_codec: "Codec", speech: FloatArray
) -> None:
    found = measure_stability(tiny_codec, Sound(speech, 16_000), 2)
    assert found is not None
    for value in (found.kept_1, found.kept_10, found.first_level_kept_1):
        assert 0 <= value <= 100
    # A causal network with a short memory forgets that the sound was cut.
    assert 90 < found.sliced < 100
    assert measure_stability(tiny_codec, Sound(speech[:40], 16_000), 2) is None


class _Fixed:
    """A codec whose codes say where loud samples are: decoding gives them back exactly."""

    def __init__(self, make: "Callable[[], Codec]") -> None:
        self._codec = make()
        self.spec = self._codec.spec

    def encode(self, wav: FloatArray, *, levels: int) -> object:
        from dataclasses import replace

        codes = self._codec.encode(np.asarray(wav, np.float32), levels=levels)
        means = np.asarray(wav)[: codes.frames * 16].reshape(-1, 16).mean(1)
        marks = np.repeat((means > 0).astype(np.int32)[None, None], levels, axis=1)
        return replace(codes, indices=marks)

    def decode(self, codes: object) -> FloatArray:
        marks = codes.indices[0, 0]  # type: ignore[attr-defined]
        return np.repeat(np.where(marks > 0, 0.5, -0.5), 16).astype(np.float32)


def test_a_codec_that_repeats_itself_keeps_all_codes(
    make_tiny_codec: "Callable[[], Codec]",
) -> None:
    wav = np.random.default_rng(0).uniform(-1, 1, 16 * 200).astype(np.float32)
    found = measure_stability(_Fixed(make_tiny_codec), Sound(wav, 8000), 2)  # type: ignore[arg-type]
    assert found is not None
    assert (found.kept_1, found.kept_10, found.sliced) == (100, 100, 100)


def test_low_pass_keeps_what_is_below(speech: FloatArray) -> None:
    time = np.arange(16_000) / 16_000
    low, high = np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 5000 * time)
    np.testing.assert_allclose(low_pass(low + high, 16_000, 3500), low, atol=1e-5)
