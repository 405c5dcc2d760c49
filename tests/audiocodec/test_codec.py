"""Codec: codes that depend on nothing but the sound, and sound of the right shape."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audiocodec.codec import Codec
from audiocodec.codes import Codes, ModelIdentity
from audiocodec.errors import UnsupportedAudio, UnsupportedLevels, WrongModel
from audiocodec.families.soundstream import SoundStreamConfig

MakeCodec = Callable[..., Codec]


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(shape) * 0.3).astype(np.float32)


@pytest.fixture(params=["tiny", "wide", "wide elu depthwise"])
def any_codec(
    request: pytest.FixtureRequest, make_tiny_codec: MakeCodec, wide_config: SoundStreamConfig
) -> Codec:
    match request.param:
        case "tiny":
            return make_tiny_codec()
        case "wide":
            return make_tiny_codec(wide_config)
        case _:
            changed = replace(wide_config, activation="elu", depthwise=True, groups=2)
            return make_tiny_codec(changed)


@pytest.fixture
def restored_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(0, 700),
    rate=st.sampled_from([8000, 11025, 16000, 44100, 192_000]) | st.integers(8000, 192_000),
    leading=st.lists(st.integers(1, 3), max_size=2),
    levels=st.integers(1, 3),
)
def test_sound_comes_back_in_the_shape_of_the_input(
    tiny_codec: Codec, samples: int, rate: int, leading: list[int], levels: int
) -> None:
    wav = noise(*leading, samples)
    codes = tiny_codec.encode(wav, rate, levels=levels)
    assert codes.indices.dtype == np.int32 and codes.levels == levels
    assert codes.source.samples == samples and codes.source.sample_rate_hz == rate
    at_8khz = -(-samples * 8000 // rate)
    assert codes.frames == -(-at_8khz // 16)
    back = tiny_codec.decode(codes)
    assert back.shape == wav.shape and back.dtype == torch.float32
    assert torch.isfinite(back).all()


def test_codes_say_something_about_the_sound(any_codec: Codec) -> None:
    """Without this, every test of equality here could pass on constant codes."""
    codes = any_codec.encode(noise(24000)).indices
    assert all(len(np.unique(codes[0, level])) > 5 for level in range(codes.shape[1]))
    assert (codes != any_codec.encode(noise(24000, seed=1)).indices).mean() > 0.3


def test_runs_are_identical(any_codec: Codec) -> None:
    wav = noise(2, 30000)
    first, second = any_codec.encode(wav), any_codec.encode(wav)
    np.testing.assert_array_equal(first.indices, second.indices)
    assert torch.equal(any_codec.decode(first), any_codec.decode(second))


def test_threads_have_no_effect(any_codec: Codec, restored_threads: None) -> None:
    wav = noise(30000)
    seen: list[tuple[Codes, torch.Tensor]] = []
    for threads in (1, 2, 3, 8):
        torch.set_num_threads(threads)
        codes = any_codec.encode(wav)
        seen.append((codes, any_codec.decode(codes)))
    for codes, back in seen[1:]:
        np.testing.assert_array_equal(codes.indices, seen[0][0].indices)
        assert torch.equal(back, seen[0][1])


def test_neighbours_in_a_batch_have_no_effect(any_codec: Codec) -> None:
    wav = noise(3, 2, 9000)
    together = any_codec.encode(wav, 16000)
    back = any_codec.decode(together)
    for item in range(3):
        alone = any_codec.encode(wav[item], 16000)
        np.testing.assert_array_equal(together.indices[2 * item : 2 * item + 2], alone.indices)
        assert torch.equal(back[item], any_codec.decode(alone))


def test_one_codec_serves_several_threads(tiny_codec: Codec) -> None:
    sounds = [noise(4000, seed=seed) for seed in range(4)]
    found: dict[int, Codes] = {}

    def work(i: int) -> None:
        found[i] = tiny_codec.encode(sounds[i])

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for i, wav in enumerate(sounds):
        np.testing.assert_array_equal(found[i].indices, tiny_codec.encode(wav).indices)


def test_fewer_levels_are_a_prefix(any_codec: Codec) -> None:
    wav = noise(9000)
    full = any_codec.encode(wav)
    for levels in range(1, any_codec.spec.levels + 1):
        cut = full.truncate(levels=levels)
        np.testing.assert_array_equal(cut.indices, any_codec.encode(wav, levels=levels).indices)
        assert torch.equal(any_codec.decode(full, levels=levels), any_codec.decode(cut))
    assert not torch.equal(any_codec.decode(full, levels=1), any_codec.decode(full))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_every_float_type_is_taken(tiny_codec: Codec, kind: torch.dtype) -> None:
    wav = (torch.arange(100) % 16 / 16).to(kind)  # exact in all of them
    wanted = tiny_codec.encode((np.arange(100) % 16 / 16).astype(np.float64))
    np.testing.assert_array_equal(tiny_codec.encode(wav).indices, wanted.indices)


def test_a_tensor_that_is_trained_is_taken(tiny_codec: Codec) -> None:
    assert tiny_codec.encode(torch.zeros(2, 40, requires_grad=True)).frames == 3


@pytest.mark.parametrize(
    ("wav", "message"),
    [
        (np.zeros(10, np.int16), "not int16"),
        (torch.zeros(10, dtype=torch.int32), "not int32"),
        (np.float32(0), "shape"),
        (np.zeros((1, 1, 1, 5)), "shape"),
        (np.zeros((48000, 2)), "transpose"),
        (np.zeros((0, 5)), "1 to 8 channels"),
        (np.zeros((0, 1, 5)), "at least one sound"),
    ],
)
def test_what_is_no_sound_is_refused(
    tiny_codec: Codec, wav: NDArray[np.float32], message: str
) -> None:
    with pytest.raises(UnsupportedAudio, match=message):
        tiny_codec.encode(wav)


@pytest.mark.parametrize("rate", [0, -8000, 7999, 192_001])
def test_rates_out_of_bounds_are_refused(tiny_codec: Codec, rate: int) -> None:
    with pytest.raises(UnsupportedAudio, match=f"{rate} Hz"):
        tiny_codec.encode(noise(10), rate)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_with_their_place(
    tiny_codec: Codec, value: float
) -> None:
    wav = noise(2, 2, 500)
    wav[1, 1, 321] = value
    with pytest.raises(UnsupportedAudio, match="sample 321 .* of channel 1"):
        tiny_codec.encode(wav)


def test_bit_rates_snap_down(tiny_codec: Codec) -> None:
    # 500 frames a second of 4 bits a level
    for bitrate_bps, levels in ((2000, 1), (3999, 1), (4000, 2), (5999.9, 2), (1e9, 3)):
        codes = tiny_codec.encode(noise(100), bitrate_bps=bitrate_bps)
        assert codes.levels == levels and codes.bitrate_bps == 2000 * levels
    assert tiny_codec.encode(noise(2, 100), bitrate_bps=4000).bitrate_bps == 8000


@pytest.mark.parametrize(
    ("levels", "bitrate_bps", "message"),
    [
        (0, None, "1 to 3"),
        (4, None, "1 to 3"),
        (-1, None, "1 to 3"),
        (None, 1999, "lowest bit rate of this model is 2 kbps"),
        (None, float("nan"), "lowest"),
        (2, 4000, "give one of them"),
    ],
)
def test_levels_that_are_not_there_are_refused(
    tiny_codec: Codec, levels: int | None, bitrate_bps: float | None, message: str
) -> None:
    with pytest.raises(UnsupportedLevels, match=message):
        tiny_codec.encode(noise(100), levels=levels, bitrate_bps=bitrate_bps)


def test_other_weights_are_refused_by_name(make_tiny_codec: MakeCodec) -> None:
    ours, theirs = make_tiny_codec(name="ours"), make_tiny_codec(seed=1, name="theirs")
    codes = theirs.encode(noise(300))
    with pytest.raises(WrongModel, match=r"theirs \(weights .*ours \(weights") as caught:
        ours.decode(codes)
    for identity in (ours.identity, theirs.identity):
        assert identity is not None and identity.weights_sha256[:12] in str(caught.value)
    assert ours.decode(codes, force_model=True).shape == (300,)


def test_another_grid_is_refused_even_by_force(
    make_tiny_codec: MakeCodec, wide_config: SoundStreamConfig
) -> None:
    codes = make_tiny_codec(wide_config).encode(noise(300))
    with pytest.raises(WrongModel, match="24000 Hz, hop 240.*8000 Hz, hop 16"):
        make_tiny_codec().decode(codes, force_model=True)


def test_the_same_weights_fit_under_any_name(make_tiny_codec: MakeCodec) -> None:
    codes = make_tiny_codec(name="one").encode(noise(300))
    assert make_tiny_codec(name="two").decode(codes).shape == (300,)


def test_without_a_hash_the_name_decides(tiny_codec: Codec) -> None:
    codes = tiny_codec.encode(noise(300))
    assert tiny_codec.decode(replace(codes, model=ModelIdentity("tiny", "", ""))).shape == (300,)
    with pytest.raises(WrongModel, match="big .weights unknown"):
        tiny_codec.decode(replace(codes, model=ModelIdentity("big", "", "")))


def test_a_codec_without_identity_decodes_what_it_can(tiny_codec: Codec) -> None:
    nameless = Codec(tiny_codec.network)
    codes = nameless.encode(noise(300))
    assert codes.model is None
    assert torch.equal(tiny_codec.decode(codes), nameless.decode(tiny_codec.encode(noise(300))))
