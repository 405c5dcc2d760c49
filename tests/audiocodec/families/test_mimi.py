"""Mimi on tiny weights: what the public packages made of the same sound, streams, folders."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import audiocodec
from audiocodec.codec import Codec
from audiocodec.errors import UnknownModel, WeightsMismatch
from audiocodec.families.mimi import Mimi, MimiConfig

GOLDEN = Path(__file__).parents[2] / "golden" / "families"
PLACES = {"transformers": "mimi_transformers", "moshi": "mimi_moshi.safetensors"}
HOP = 12

TINY = MimiConfig(
    sample_rate_hz=8000,
    filters=8,
    strides=(3, 2),
    latent_dim=16,
    upsample_groups=16,
    transformer_layers=2,
    heads=2,
    head_dim=8,
    feedforward=32,
    window=9,
    codebook_dim=4,
    codebook_size=16,
    levels=4,
)
"""Hop 12; a window shorter than the pieces, and one that ends between blocks of keys."""


def tiny(config: MimiConfig = TINY) -> Codec:
    generator = torch.Generator().manual_seed(0)
    network = Mimi(config)
    for name, tensor in network.state_dict().items():
        terms = tensor[0].numel() if tensor.ndim > 1 else 25
        tensor.copy_(torch.randn(tensor.shape, generator=generator) / terms**0.5)
        if "codebooks" in name:
            tensor.mul_(3)
    return Codec(network.eval().requires_grad_(False))


@pytest.fixture(scope="module", params=["layers", "sound"])
def codec(request: pytest.FixtureRequest) -> Codec:
    return tiny(dataclasses.replace(TINY, end=request.param))


def noise(samples: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return 0.3 * np.random.default_rng(seed).standard_normal((1, samples)).astype(np.float32)


@pytest.mark.parametrize("package", PLACES)
def test_codes_and_sound_are_the_public_packages(package: str) -> None:
    expected = load_file(GOLDEN / "mimi_expected.safetensors")
    codec = audiocodec.load(GOLDEN / PLACES[package])
    codes = codec.encode(expected["wav"])
    assert np.array_equal(codes.indices, expected[f"{package}.codes"])
    assert min(len(np.unique(level)) for level in codes.indices[0]) > 4
    wanted = expected[f"{package}.wav"][..., : expected["wav"].shape[-1]]
    torch.testing.assert_close(codec.decode(codes), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("package", PLACES)
def test_a_saved_folder_is_the_same_model(package: str, tmp_path: Path) -> None:
    codec = audiocodec.load(GOLDEN / PLACES[package])
    codec.save(tmp_path / "ours")
    again = audiocodec.load(tmp_path / "ours")
    wav = noise(100)
    codes = codec.encode(wav)
    assert np.array_equal(again.encode(wav).indices, codes.indices)
    assert torch.equal(again.decode(codes, force_model=True), codec.decode(codes))


def test_the_packages_end_a_sound_each_in_its_way() -> None:
    wav = noise(5 * HOP + 1)
    by_layers, by_sound = (
        tiny(dataclasses.replace(TINY, end=end)).encode(wav).indices for end in ("layers", "sound")
    )
    assert np.array_equal(by_layers[..., :5], by_sound[..., :5])
    filled = np.pad(wav, ((0, 0), (0, HOP - 1)))
    assert np.array_equal(tiny().encode(filled).indices, by_sound)


@given(
    samples=st.integers(0, 40 * HOP),
    blocks=st.lists(st.integers(0, 15 * HOP), max_size=8),
    frames=st.lists(st.integers(1, 12), max_size=8),
    levels=st.integers(1, 4),
    threads=st.sampled_from([1, 1, 1, 2]),
)
@settings(max_examples=25, deadline=None)
def test_pieces_give_the_bits_of_the_whole(
    codec: Codec,
    samples: int,
    blocks: list[int],
    frames: list[int],
    levels: int,
    threads: int,
) -> None:
    wav = noise(samples)
    whole = codec.encode(wav, levels=levels)
    sound = codec.decode(whole).numpy()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        encoder, decoder = codec.stream_encoder(levels=levels), codec.stream_decoder()
        cuts = np.minimum(np.cumsum(blocks), samples).astype(int)
        pieces = [encoder.push(part).indices for part in np.split(wav, cuts, axis=-1)]
        indices = np.concatenate([*pieces, encoder.flush().indices], axis=-1)
        cuts = np.minimum(np.cumsum(frames), indices.shape[-1]).astype(int)
        parts = [decoder.push(part) for part in np.split(indices, cuts, axis=-1)]
        back = np.concatenate([*parts, decoder.flush(samples)], axis=-1)[0]
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(indices, whole.indices)
    assert np.array_equal(back[:, :samples], sound)


def test_nothing_is_held_back(codec: Codec) -> None:
    encoder, decoder = codec.stream_encoder(), codec.stream_decoder()
    assert codec.network.lookahead_samples == 0 and encoder.latency_samples == HOP
    for _ in range(5):
        indices = encoder.push(noise(HOP)).indices
        assert indices.shape == (1, 4, 1)
        assert decoder.push(indices).shape == (1, 1, HOP)
    assert encoder.push(noise(HOP - 1)).indices.shape[-1] == 0
    assert encoder.push(noise(1)).indices.shape[-1] == 1


def test_columns_beyond_the_window_do_not_matter() -> None:
    config = dataclasses.replace(TINY, transformer_layers=1)
    codec = tiny(config)
    # Codes see so much: the window, and a few columns of every convolution.
    wav, other = noise(60 * HOP), noise(60 * HOP)
    other[:, : 20 * HOP] = noise(20 * HOP, seed=1)
    first, second = codec.encode(wav).indices, codec.encode(other).indices
    assert not np.array_equal(first[..., :20], second[..., :20])
    assert np.array_equal(first[..., 40:], second[..., 40:])


def test_fewer_levels_are_a_prefix(codec: Codec) -> None:
    wav = noise(200)
    codes = codec.encode(wav)
    for levels in (1, 2, 3):
        assert np.array_equal(codec.encode(wav, levels=levels).indices, codes.indices[:, :levels])
        assert torch.isfinite(codec.decode(codes, levels=levels)).all()
    assert not torch.equal(codec.decode(codes, levels=1), codec.decode(codes, levels=2))


def test_rates_are_mimis() -> None:
    with torch.device("meta"):
        spec = Mimi(MimiConfig()).spec
    assert (spec.frame_rate_hz, spec.hop_samples, spec.levels) == (12.5, 1920, 32)
    assert [spec.bitrate_bps(levels) for levels in (1, 8, 32)] == [137.5, 1100, 4400]


@pytest.mark.parametrize(
    "changes",
    [
        dict(causal=False),
        dict(padding="reflect"),
        dict(end="nowhere"),
        dict(semantic_levels=4),
        dict(semantic_levels=0),
        dict(upsample_groups=3),
        dict(head_dim=7),
        dict(window=0),
        dict(rotary_base=0.5),
        dict(transformer_layers=1 << 40),
        dict(latent_stride=1),
    ],
)
def test_no_such_network(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Mimi(dataclasses.replace(TINY, **changes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(use_causal_conv=False), "use_causal_conv is False"),
        (dict(hidden_act="relu"), "hidden_act is 'relu'"),
        (dict(num_key_value_heads=1), "num_key_value_heads"),
        (dict(vector_quantization_hidden_dimension=8), "vector_quantization_hidden_dimension"),
        (dict(num_filters="many"), "num_filters is many"),
        (dict(num_hidden_layers=10**12), "transformer_layers"),
        (dict(upsampling_ratios=[3, "2"]), "upsampling_ratios"),
        (dict(upsampling_ratios=[10**9] * 9), ""),
        (dict(codebook_size=2**40), ""),
        (dict(rope_parameters={"rope_type": "yarn"}), "yarn"),
    ],
)
def test_other_configurations_of_transformers_are_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(GOLDEN / PLACES["transformers"], folder)
    table = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(table | change))
    with pytest.raises(UnknownModel) as caught:
        audiocodec.load(folder)
    assert message in str(caught.value) and str(folder) in str(caught.value)
    assert len(str(caught.value)) < len(str(folder)) + 300


@pytest.mark.parametrize("package", PLACES)
def test_tensors_that_do_not_fit_are_named(package: str, tmp_path: Path) -> None:
    source = GOLDEN / PLACES[package]
    file = tmp_path / "model.safetensors"
    if source.is_dir():
        shutil.copy(source / "config.json", tmp_path)
    place = tmp_path if source.is_dir() else file
    tensors = load_file(source / "model.safetensors" if source.is_dir() else source)
    name = next(key for key in tensors if "encoder_transformer" in key and "proj" in key)
    lost = {key: tensor for key, tensor in tensors.items() if key != name}
    for changed, message in (
        (lost, f"missing {name}"),
        ({**tensors, "more": torch.zeros(1)}, "left over more"),
        ({**tensors, name: torch.zeros(3, 3)}, r"_proj.*and its like"),
    ):
        save_file(changed, file)
        with pytest.raises(WeightsMismatch, match=message):
            audiocodec.load(place)
