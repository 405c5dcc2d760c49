"""EnCodec: how sound or codes were cut never shows; latency is what it is said to be."""

from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import audiocodec
from audiocodec.codec import Codec
from audiocodec.families.encodec import Encodec, EncodecConfig
from audiocodec.families.weights.encodec import STEREO_48KHZ

FloatArray = NDArray[np.float32]
HOP = 24
KINDS = ["causal", "zeros", "ahead", "segments"]

sizes = st.lists(st.integers(0, 700), min_size=1, max_size=4).filter(any)


@pytest.fixture(scope="module")
def codecs(tiny_encodec: ModuleType) -> dict[str, Codec]:
    return {kind: tiny_encodec.tiny_codec(kind) for kind in KINDS}


def noise(*shape: int) -> FloatArray:
    return (np.random.default_rng(0).standard_normal(shape) * 0.3).astype(np.float32)


def cut(array: NDArray[Any], sizes: list[int], *, unit: int = 1) -> list[NDArray[Any]]:
    """Cut the last axis into pieces of these sizes in units, again and again to the end."""
    pieces, begin, turn = [], 0, 0
    while begin < array.shape[-1]:
        size = sizes[turn % len(sizes)] * unit
        pieces.append(array[..., begin : begin + size])
        begin, turn = begin + size, turn + 1
    return pieces


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(samples=st.integers(0, 800), sizes=sizes)
def test_cuts_do_not_show(
    codecs: dict[str, Codec], kind: str, samples: int, sizes: list[int]
) -> None:
    codec = codecs[kind]
    channels = codec.spec.channels
    wav = noise(channels, samples)
    whole = codec.encode(wav)
    assert whole.frames == codec.spec.frames(samples)
    encoder = codec.stream_encoder(channels=channels)
    pieces = [encoder.push(piece) for piece in cut(wav, sizes)] + [encoder.flush()]
    found = np.concatenate([piece.indices for piece in pieces], axis=-1)
    np.testing.assert_array_equal(found, whole.indices)
    together = codec.spec.segment_frames
    if together:
        scales = [piece.scale for piece in pieces if piece.scale is not None]
        assert whole.scale is not None
        np.testing.assert_array_equal(np.concatenate(scales, axis=-1), whole.scale)
    decoder = codec.stream_decoder(channels=channels)
    sound, begin = [], 0
    for piece in cut(whole.indices, [1 + size // 60 for size in sizes], unit=together or 1):
        end = begin + piece.shape[-1]
        scale = whole.scale
        if scale is not None:
            scale = scale[:, begin // together : -(-end // together)]
        sound.append(decoder.push(piece, scale))
        begin = end
    sound.append(decoder.flush(samples))
    wanted = codec.decode(whole).numpy()
    np.testing.assert_array_equal(np.concatenate(sound, axis=-1)[0, :, :samples], wanted)
    assert wanted.shape == wav.shape


@pytest.mark.parametrize("kind", KINDS)
def test_codes_vary_and_levels_nest(codecs: dict[str, Codec], kind: str) -> None:
    codec = codecs[kind]
    wav = noise(codec.spec.channels, 5000)
    indices = codec.encode(wav).indices
    assert all(len(np.unique(indices[:, level])) > 4 for level in range(4))
    np.testing.assert_array_equal(codec.encode(wav, levels=2).indices, indices[:, :2])


@pytest.mark.parametrize("kind", KINDS)
def test_sound_comes_as_late_as_is_said(codecs: dict[str, Codec], kind: str) -> None:
    codec = codecs[kind]
    channels = codec.spec.channels
    encoder = codec.stream_encoder(channels=channels)
    decoder = codec.stream_decoder(channels=channels)
    late, given = 0, 0
    wav = noise(channels, 120 * HOP)
    for heard in range(HOP, wav.shape[-1] + 1, HOP):  # frames come when a hop is complete
        codes = encoder.push(wav[:, heard - HOP : heard])
        if codes.frames:
            ready = decoder.push(codes.indices, codes.scale).shape[-1]
            late, given = (max(late, heard - given), given + ready) if ready else (late, given)
    assert given > 100 * HOP
    assert late == encoder.latency_samples
    if kind == "zeros":
        assert late == HOP
    if kind == "segments":  # the sixth segment ends 20 samples before a whole number of hops
        assert late == 480 + 20


def test_the_latency_of_the_24_khz_model() -> None:
    with torch.device("meta"):
        network = Encodec(EncodecConfig())
    # The innermost convolutions mirror six frames.
    assert network.lookahead_samples == 6 * 320


def test_batches_and_channels(codecs: dict[str, Codec]) -> None:
    stereo = codecs["segments"]
    wav = noise(2, 5, 1000)
    codes = stereo.encode(wav)
    assert codes.indices.shape[0] == 6 and codes.scale is not None
    assert codes.scale.shape == (6, 3)
    one = stereo.encode(wav[1])
    np.testing.assert_array_equal(codes.indices[3:], one.indices)
    assert stereo.decode(codes).shape == wav.shape
    mono = stereo.decode(stereo.encode(wav[0, 0]))
    pair = stereo.decode(stereo.encode(np.stack([wav[0, 0]] * 2)))
    torch.testing.assert_close(mono, pair.mean(dim=0))


def test_a_segment_is_as_loud_as_it_was(codecs: dict[str, Codec]) -> None:
    codec = codecs["segments"]
    wav = noise(2, 2000)
    loud, soft = codec.encode(wav), codec.encode(wav * np.float32(1 / 1024))
    np.testing.assert_array_equal(loud.indices, soft.indices)
    ratio = codec.decode(loud).norm() / codec.decode(soft).norm()
    assert abs(ratio - 1024) < 0.1


def test_bit_rates_are_encodecs() -> None:
    mono, stereo = EncodecConfig().spec, STEREO_48KHZ.spec
    rates = (1.5, 3, 6, 12, 24)
    assert [mono.levels_for_bitrate(1000 * kbps) for kbps in rates] == [2, 4, 8, 16, 32]
    assert [stereo.levels_for_bitrate(1000 * kbps) for kbps in rates[1:]] == [2, 4, 8, 16]
    assert (stereo.segment_frames, stereo.segment_samples) == (150, 47_520)


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded(codecs: dict[str, Codec], tmp_path: Path, kind: str) -> None:
    codec = codecs[kind]
    codec.save(tmp_path / kind)
    loaded = audiocodec.load(tmp_path / kind)
    wav = noise(codec.spec.channels, 1000)
    codes = codec.encode(wav)
    np.testing.assert_array_equal(loaded.encode(wav).indices, codes.indices)
    assert torch.equal(loaded.decode(codes), codec.decode(codes))


WRONG: list[dict[str, Any]] = [
    dict(filters=0),
    dict(strides=(2, 0)),
    dict(strides=(2,) * 65),
    dict(filters=1 << 19),
    dict(units=100),
    dict(dilation_base=1000, units=5),
    dict(codebook_size=1),
    dict(padding="wrap"),
    dict(norm="batch"),
    dict(norm="time_group"),
    dict(norm="time_group", causal=False),
    dict(normalize=True),
    dict(compress=64),
    dict(segment_samples=480),
    dict(segment_samples=480, segment_stride=200),
    dict(segment_samples=480, segment_stride=481),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_configurations_that_make_no_network_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        EncodecConfig(**wrong)


def test_the_network_can_be_trained(tiny_encodec: ModuleType) -> None:
    network = tiny_encodec.tiny_network("causal").train().requires_grad_()
    latents, _ = network.encoder(torch.randn(2, 1, 480), None, True)
    wav, _ = network.decoder(latents, None, True)
    assert wav.shape == (2, 1, 480)
    torch.autograd.backward(wav.square().mean())
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_every_field_is_in_the_saved_configuration() -> None:
    table = asdict(replace(EncodecConfig(), strides=(2, 2)))
    assert EncodecConfig(**table).strides == (2, 2)
