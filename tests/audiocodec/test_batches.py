"""Batches of different lengths: every sound as if it were alone."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audiocodec import batches, blocks
from audiocodec.codec import Codec
from audiocodec.errors import UnsupportedAudio, UnsupportedLevels, WrongModel
from audiocodec.families.soundstream import SoundStreamConfig

MakeCodec = Callable[..., Codec]
FloatArray = NDArray[np.float32]

SHAPES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 16, 500]) | st.integers(0, 900)),
    max_size=5,
)
"""Channels (0: no axis for them) and samples; equal ones come up."""


def noise(*shape: int, seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).standard_normal(shape) * 0.3).astype(np.float32)


def sounds_of(shapes: list[tuple[int, int]]) -> list[FloatArray]:
    return [
        noise(*(channels,) * (channels > 0), samples, seed=seed)
        for seed, (channels, samples) in enumerate(shapes)
    ]


@pytest.fixture
def stacking(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the CPU stack sounds as a GPU does; returns how many rows were run at once."""
    seen: list[int] = []

    def all_rows(device: torch.device, rows: int) -> int:
        seen.append(rows)
        return rows

    monkeypatch.setattr(blocks, "rows_at_once", all_rows)
    return seen


def check(codec: Codec, sounds: list[FloatArray], rate: int, levels: int) -> None:
    found = codec.encode_batch(sounds, rate, levels=levels)
    backs = codec.decode_batch(found)
    assert len(found) == len(backs) == len(sounds)
    for sound, codes, back in zip(sounds, found, backs, strict=True):
        alone = codec.encode(sound, rate, levels=levels)
        np.testing.assert_array_equal(codes.indices, alone.indices)
        assert (codes.source, codes.model, codes.spec) == (alone.source, alone.model, alone.spec)
        assert back.shape == sound.shape and torch.equal(back, codec.decode(alone))


@settings(max_examples=25, deadline=None)
@given(shapes=SHAPES, rate=st.sampled_from([8000, 11025]), levels=st.integers(1, 3))
def test_each_sound_as_if_alone(
    tiny_codec: Codec, shapes: list[tuple[int, int]], rate: int, levels: int
) -> None:
    check(tiny_codec, sounds_of(shapes), rate, levels)


def test_equal_lengths_are_stacked_off_the_cpu(
    make_tiny_codec: MakeCodec,
    wide_config: SoundStreamConfig,
    stacking: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "AT_ONCE", 2)
    codec = make_tiny_codec(wide_config)
    shapes = [(0, 3000), (2, 3000), (0, 3000), (1, 2000), (2, 3000), (0, 3000)]
    sounds = sounds_of(shapes)
    alone = [codec.encode(sound, 24_000, levels=3) for sound in sounds]
    heard = [codec.decode(codes) for codes in alone]
    codec.device = torch.device("meta")  # anything but a CPU: encoding must only ask for it
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_, **__: tensor)
    stacking.clear()
    found = codec.encode_batch(sounds, 24_000, levels=3)
    assert stacking == [2, 1, 4, 1]
    for codes, wanted in zip(found, alone, strict=True):
        np.testing.assert_array_equal(codes.indices, wanted.indices)
        assert codes.source == wanted.source
    stacking.clear()
    for back, sound in zip(codec.decode_batch(found), heard, strict=True):
        assert torch.equal(back, sound)
    assert stacking == [2, 1, 4, 1]


def test_a_batch_among_the_sounds_is_refused(tiny_codec: Codec) -> None:
    with pytest.raises(UnsupportedAudio, match="sound 1: "):
        tiny_codec.encode_batch([noise(10), noise(1, 1, 10)])


def test_wishes_are_checked_as_for_one(tiny_codec: Codec, make_tiny_codec: MakeCodec) -> None:
    sound = noise(100)
    assert tiny_codec.encode_batch([sound], bitrate_bps=4000)[0].levels == 2
    with pytest.raises(UnsupportedLevels):
        tiny_codec.encode_batch([sound], levels=4)
    codes = tiny_codec.encode_batch([sound, sound[:50]])
    back = tiny_codec.decode_batch(codes, levels=1)
    assert torch.equal(back[1], tiny_codec.decode(codes[1], levels=1))
    other = make_tiny_codec(seed=1)
    with pytest.raises(WrongModel):
        other.decode_batch(codes)
    assert len(other.decode_batch(codes, force_model=True)) == 2
