"""Streams: how the sound or the codes were cut never shows, and losses stay where they are."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audiocodec.codec import Codec
from audiocodec.errors import UnsupportedAudio
from audiocodec.families.soundstream import SoundStreamConfig

FloatArray = NDArray[np.float32]
HOP, RATE = 16, 8000
FADE_FRAMES = 30  # 0.06 s
# Frames after which the tiny decoder has forgotten its past, counted generously.
MEMORY_FRAMES = 40


def noise(*shape: int, seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).standard_normal(shape) * 0.3).astype(np.float32)


Scalar = TypeVar("Scalar", bound=np.generic)


def cut(array: NDArray[Scalar], sizes: list[int]) -> list[NDArray[Scalar]]:
    """Cut the last axis into pieces of these sizes, again and again to the end."""
    pieces, begin, turn = [], 0, 0
    while begin < array.shape[-1]:
        size = sizes[turn % len(sizes)]
        pieces.append(array[..., begin : begin + size])
        begin, turn = begin + size, turn + 1
    return pieces


piece_sizes = st.lists(st.integers(0, 900), min_size=1, max_size=5).filter(any)


def encoded(codec: Codec, pieces: list[FloatArray], rate: int, channels: int) -> FloatArray:
    stream = codec.stream_encoder(sample_rate_hz=rate, channels=channels)
    return np.concatenate([stream.push(p).indices for p in pieces] + [stream.flush().indices], -1)


def decoded(codec: Codec, pieces: list[NDArray[np.int32]], rate: int, channels: int) -> FloatArray:
    stream = codec.stream_decoder(sample_rate_hz=rate, channels=channels)
    return np.concatenate([stream.push(piece) for piece in pieces] + [stream.flush()], axis=-1)


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(0, 3000), sizes=piece_sizes, rate=st.sampled_from([8000, 11025, 48000]))
def test_cuts_do_not_show_in_codes(
    tiny_codec: Codec, samples: int, sizes: list[int], rate: int
) -> None:
    wav = noise(2, samples)
    found = encoded(tiny_codec, cut(wav, sizes), rate, 2)
    np.testing.assert_array_equal(found, tiny_codec.encode(wav, rate).indices)


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(0, 200), sizes=piece_sizes, rate=st.sampled_from([8000, 11025, 48000]))
def test_cuts_do_not_show_in_sound(
    tiny_codec: Codec, frames: int, sizes: list[int], rate: int
) -> None:
    indices = np.random.default_rng(0).integers(0, 16, (2, 3, frames), dtype=np.int32)
    whole = decoded(tiny_codec, [indices], rate, 2)
    found = decoded(tiny_codec, cut(indices, [1 + size // 10 for size in sizes]), rate, 2)
    np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("sizes", [[1], [239], [240, 7], [5000], [13001, 1]])
def test_cuts_do_not_show_in_wide_networks(
    make_tiny_codec: Callable[..., Codec], wide_config: SoundStreamConfig, sizes: list[int]
) -> None:
    codec = make_tiny_codec(wide_config)
    wav = noise(1, 1000 if sizes == [1] else 20000)
    codes = codec.encode(wav)
    np.testing.assert_array_equal(encoded(codec, cut(wav, sizes), 24000, 1), codes.indices)
    pieces = cut(codes.indices, [1 + size // 240 for size in sizes])
    np.testing.assert_array_equal(
        decoded(codec, pieces, 24000, 1), decoded(codec, [codes.indices], 24000, 1)
    )


def test_codes_come_as_soon_as_their_frame_is_complete(tiny_codec: Codec) -> None:
    with tiny_codec.stream_encoder() as stream:
        assert stream.latency_samples == HOP
        assert stream.push(noise(1, HOP - 1)).frames == 0
        assert stream.push(noise(1, 1)).frames == 1
        assert stream.flush().frames == 0


def test_pushes_cover_the_source_without_holes(tiny_codec: Codec) -> None:
    stream = tiny_codec.stream_encoder(sample_rate_hz=11025)
    parts = [stream.push(piece) for piece in cut(noise(1, 5000), [700, 11])] + [stream.flush()]
    assert sum(part.source.samples for part in parts) == 5000
    assert all(part.source.samples >= 0 for part in parts)


def test_flush_settles_the_length(tiny_codec: Codec) -> None:
    indices = np.zeros((1, 3, 10), np.int32)
    for samples in (0, 1, 150, 160, 170):
        stream = tiny_codec.stream_decoder(sample_rate_hz=16000)
        given_samples = stream.push(indices).shape[-1]
        assert given_samples < 320
        length = given_samples + stream.flush(given_samples + samples).shape[-1]
        assert length == given_samples + samples


def test_numbers_that_are_none_are_refused_with_their_place(tiny_codec: Codec) -> None:
    stream = tiny_codec.stream_encoder()
    stream.push(noise(1, 1000))
    bad = noise(1, 50)
    bad[0, 7] = np.nan
    with pytest.raises(UnsupportedAudio, match="sample 1007 "):
        stream.push(bad)


@pytest.mark.parametrize("shape", [(9,), (1, 9), (3, 9), (2, 2, 9), (1, 1, 2, 9)])
def test_other_shapes_of_sound_are_refused(tiny_codec: Codec, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected .1, 2, T."):
        tiny_codec.stream_encoder(channels=2).push(noise(*shape))


@pytest.mark.parametrize("shape", [(3, 9), (1, 3, 9), (2, 4, 9), (2, 0, 9), (2, 3, 9, 1)])
def test_other_shapes_of_codes_are_refused(tiny_codec: Codec, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected .2, 1 to 3, F."):
        tiny_codec.stream_decoder(channels=2).push(np.zeros(shape, np.int32))


@pytest.mark.parametrize("value", [-1, 16])
def test_codes_beyond_the_codebook_are_refused(tiny_codec: Codec, value: int) -> None:
    indices = np.zeros((1, 3, 9), np.int32)
    indices[0, 2, 5] = value
    with pytest.raises(ValueError, match="beyond the codebooks"):
        tiny_codec.stream_decoder().push(indices)


def with_loss(
    codec: Codec, indices: NDArray[np.int32], lost: slice, sizes: tuple[int, ...] = ()
) -> FloatArray:
    """Return the sound at the codec's own rate, without the codes of these frames."""
    stream = codec.stream_decoder()
    parts = [stream.push(indices[..., : lost.start])]
    parts += [stream.conceal(size) for size in sizes or (lost.stop - lost.start,)]
    parts += [stream.push(indices[..., lost.stop :]), stream.flush()]
    wav: FloatArray = np.concatenate(parts, axis=-1)[0, 0]
    return wav


def test_a_loss_stays_where_it_is(tiny_codec: Codec) -> None:
    indices = tiny_codec.encode(noise(300 * HOP)).indices
    whole = decoded(tiny_codec, [indices], RATE, 1)[0, 0]
    found = with_loss(tiny_codec, indices, slice(100, 180))
    assert found.shape == whole.shape
    np.testing.assert_array_equal(found[: 100 * HOP], whole[: 100 * HOP])
    after = (180 + MEMORY_FRAMES) * HOP
    np.testing.assert_array_equal(found[after:], whole[after:])
    assert not np.array_equal(found[180 * HOP : after], whole[180 * HOP : after])


def test_a_loss_fades_out_to_silence_and_in_again(tiny_codec: Codec) -> None:
    indices = tiny_codec.encode(noise(300 * HOP)).indices
    found = with_loss(tiny_codec, indices, slice(100, 180))
    lost = found[100 * HOP : 180 * HOP]
    loudness = np.abs(lost).reshape(-1, 10 * HOP).max(axis=1)
    assert loudness[0] > loudness[1] > loudness[2] > 0
    assert not lost[FADE_FRAMES * HOP :].any()
    assert found[180 * HOP] == 0 and found[180 * HOP + 1 : 182 * HOP].any()


@pytest.mark.parametrize("sizes", [(1,) * 80, (30, 50), (29, 0, 51)])
def test_how_a_loss_was_cut_does_not_show(tiny_codec: Codec, sizes: tuple[int, ...]) -> None:
    indices = tiny_codec.encode(noise(300 * HOP)).indices
    found = with_loss(tiny_codec, indices, slice(100, 180), sizes)
    np.testing.assert_array_equal(found, with_loss(tiny_codec, indices, slice(100, 180)))


def test_a_loss_at_the_beginning_is_silence(tiny_codec: Codec) -> None:
    indices = tiny_codec.encode(noise(100 * HOP)).indices
    found = with_loss(tiny_codec, indices, slice(0, 20))
    assert not found[: 20 * HOP].any() and found[20 * HOP :].any()


def test_each_loss_begins_anew(tiny_codec: Codec) -> None:
    """The fade is counted from its own loss; a push of no frames ends none."""
    indices = tiny_codec.encode(noise(300 * HOP)).indices
    stream = tiny_codec.stream_decoder()
    stream.push(indices[..., :50])
    first = [stream.conceal(20), stream.push(indices[..., :0]), stream.conceal(40)]
    assert not first[2][..., 10 * HOP :].any() and first[2][..., : 9 * HOP].any()
    stream.push(indices[..., 110:200])
    second = stream.conceal(FADE_FRAMES)
    assert second[..., 20 * HOP : 21 * HOP].any()


def test_nothing_lost_changes_nothing(tiny_codec: Codec) -> None:
    indices = tiny_codec.encode(noise(100 * HOP)).indices
    found = with_loss(tiny_codec, indices, slice(50, 50), (0,))
    np.testing.assert_array_equal(found, decoded(tiny_codec, [indices], RATE, 1)[0, 0])


def test_losses_in_a_batch_of_stereo(tiny_codec: Codec) -> None:
    codes = tiny_codec.encode(noise(2, 2, 100 * HOP))
    stream = tiny_codec._decoder(codes.source, 2)
    assert stream.push(codes.indices).shape == (2, 2, 100 * HOP)
    assert stream.conceal(7).shape == (2, 2, 7 * HOP)
