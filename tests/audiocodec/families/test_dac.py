"""DAC and SNAC on tiny weights: what the public packages made of a sound, streams, folders."""

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
from audiocodec.codes import Codes, Source
from audiocodec.errors import UnknownModel, WeightsMismatch
from audiocodec.families.dac import Dac, DacConfig
from audiocodec.families.network import CodecNetwork
from audiocodec.families.snac import Snac, SnacConfig

GOLDEN = Path(__file__).parents[2] / "golden" / "families"
PLACES = ["dac_transformers", "dac_release", "snac"]

TINY_DAC = DacConfig(
    sample_rate_hz=8000,
    encoder_channels=4,
    encoder_strides=(2, 3),
    decoder_channels=16,
    decoder_strides=(3, 2),
    latent_dim=12,
    levels=3,
    codebook_size=16,
    codebook_dim=4,
)
"""Hop 6; with an odd stride, so the last samples are missing."""
WIDE_DAC = dataclasses.replace(
    TINY_DAC, encoder_channels=64, decoder_channels=384, latent_dim=256, levels=2
)
"""Wide enough for packed weights and for pairs of outputs."""
TINY_SNAC = SnacConfig(
    sample_rate_hz=8000,
    encoder_channels=16,
    encoder_strides=(2, 2),
    decoder_channels=64,
    decoder_strides=(2, 2),
    level_strides=(4, 2, 1),
    codebook_size=16,
    codebook_dim=4,
    attention_window=12,
)
"""Hop 4; windows of 12 latents and codes for 4 of them, so upstream pads to 48 samples."""
PLAIN_SNAC = dataclasses.replace(
    TINY_SNAC,
    encoder_channels=4,
    decoder_channels=16,
    level_strides=(4, 2),
    attention_window=0,
    depthwise=False,
    noise=False,
)
"""The finest codes are for two latents, hop 8."""
CONFIGS: dict[str, DacConfig | SnacConfig] = {
    "dac": TINY_DAC,
    "wide": WIDE_DAC,
    "snac": TINY_SNAC,
    "plain": PLAIN_SNAC,
}


def tiny(config: DacConfig | SnacConfig) -> Codec:
    generator = torch.Generator().manual_seed(0)
    network: CodecNetwork = Dac(config) if isinstance(config, DacConfig) else Snac(config)
    for name, tensor in network.state_dict().items():
        random = torch.randn(tensor.shape, generator=generator)
        if name.endswith("alpha"):
            tensor.copy_(0.5 + random.abs())
        elif "codebook" in name:
            tensor.copy_(random)
        else:
            tensor.copy_(random / (tensor[0].numel() if tensor.ndim > 1 else 100) ** 0.5)
    return Codec(network.eval().requires_grad_(False))


@pytest.fixture(scope="module", params=CONFIGS)
def codec(request: pytest.FixtureRequest) -> Codec:
    return tiny(CONFIGS[request.param])


def noise(samples: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return 0.3 * np.random.default_rng(seed).standard_normal((1, samples)).astype(np.float32)


@pytest.mark.parametrize("place", PLACES[:2])
def test_codes_and_sound_are_the_public_packages(place: str) -> None:
    expected = load_file(GOLDEN / "dac_expected.safetensors")
    codec = audiocodec.load(GOLDEN / place)
    codes = codec.encode(expected["wav"])
    assert np.array_equal(codes.indices, expected[f"{place}.codes"])
    assert min(len(np.unique(level)) for level in codes.indices[0]) > 4
    wanted, sound = expected[f"{place}.wav"], codec.decode(codes)
    torch.testing.assert_close(sound[..., : wanted.shape[-1]], wanted, rtol=1e-4, atol=1e-5)
    assert wanted.shape[-1] == sound.shape[-1] - 1  # odd strides end early
    assert not sound[..., wanted.shape[-1] :].any()


def test_codes_and_sound_are_snacs() -> None:
    expected = load_file(GOLDEN / "dac_expected.safetensors")
    codec = audiocodec.load(GOLDEN / "snac")
    codes = codec.encode(expected["wav"])
    assert codec.spec.strides == (4, 2, 1)
    for level, stride in enumerate(codec.spec.strides):
        wanted = expected[f"snac.codes.{level}"].repeat_interleave(stride, dim=1)
        assert np.array_equal(codes.indices[:, level], wanted)
        assert len(np.unique(wanted)) > 4
    noisy = codec.decode(codes)
    for name, parameter in codec.network.named_parameters():  # type: ignore[attr-defined]
        if "linear" in name:
            parameter.data = torch.zeros_like(parameter)
    wanted = expected["snac.wav_without_noise"][..., : noisy.shape[-1]]
    torch.testing.assert_close(codec.decode(codes), wanted, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(noisy, wanted, atol=1e-3)


@pytest.mark.parametrize("place", PLACES)
def test_a_saved_folder_is_the_same_model(place: str, tmp_path: Path) -> None:
    codec = audiocodec.load(GOLDEN / place)
    wav = noise(100)
    codes = codec.encode(wav)  # which moves weights in memory
    codec.save(tmp_path / "ours")
    again = audiocodec.load(tmp_path / "ours")
    assert np.array_equal(again.encode(wav).indices, codes.indices)
    assert torch.equal(again.decode(codes, force_model=True), codec.decode(codes))


def together(codec: Codec) -> int:
    return codec.spec.frames_together


@given(
    samples=st.integers(0, 200),
    blocks=st.lists(st.integers(0, 90), max_size=5),
    frames=st.lists(st.integers(1, 8), max_size=5),
    levels=st.integers(1, 2),
    threads=st.sampled_from([1, 1, 1, 2]),
)
@settings(max_examples=8, deadline=None)
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
        cuts = np.minimum(np.cumsum(frames) * together(codec), indices.shape[-1]).astype(int)
        parts = [decoder.push(part) for part in np.split(indices, cuts, axis=-1)]
        back = np.concatenate([*parts, decoder.flush(samples)], axis=-1)[0]
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(indices, whole.indices)
    assert np.array_equal(back[:, :samples], sound)


def test_rows_of_a_batch_are_each_by_itself(codec: Codec) -> None:
    wav = np.stack([noise(150, seed=seed) for seed in (0, 1)])
    codes = codec.encode(wav)
    alone = codec.encode(wav[1])
    assert np.array_equal(codes.indices[1:], alone.indices)
    assert torch.equal(codec.decode(codes)[1], codec.decode(alone))
    with torch.inference_mode():
        both = codec.network.encode(torch.from_numpy(wav), levels=1, last=True)
    assert np.array_equal(both.indices.numpy(), codes.indices[:, :1])


@pytest.mark.parametrize("name", ["dac", "snac", "plain"])
def test_sound_comes_when_latency_says(name: str) -> None:
    """Hop by hop: no sample later than the stream's latency, and some sample not earlier."""
    codec = tiny(CONFIGS[name])
    encoder, decoder, hop = codec.stream_encoder(), codec.stream_decoder(), codec.spec.hop_samples
    given, worst, pushed = 0, 0, 0
    for _ in range(2 * encoder.latency_samples // hop + codec.spec.frames_together):
        found = decoder.push(encoder.push(noise(hop)).indices).shape[-1]
        pushed += hop
        if found:
            worst = max(worst, pushed - given)
        given += found
    assert worst == encoder.latency_samples


def test_pairs_of_outputs_come_when_the_layers_say() -> None:
    codec = tiny(WIDE_DAC)
    network, hop = codec.network, codec.spec.hop_samples
    assert isinstance(network, Dac)
    state, frames, given = None, 0, 0
    decoding = None
    with torch.inference_mode():
        for pushed in range(hop, 400, hop):
            encoded = network.encode(torch.from_numpy(noise(hop))[None], levels=1, state=state)
            state, frames = encoded.state, frames + encoded.indices.shape[-1]
            assert frames == network.encoder.given(pushed)
            wav, decoding = network.decode(encoded.indices, state=decoding)
            given += wav.shape[-1]
            assert (
                given == network.decoder.given(frames) >= pushed - hop - network.lookahead_samples
            )


def test_with_gradients_the_result_is_the_same(codec: Codec) -> None:
    wav = torch.from_numpy(noise(120))[None]
    network = codec.network
    with torch.inference_mode():
        exact = network.encode(wav, levels=2, last=True).indices
        wanted = network.decode(exact, last=True)[0]
    usual = network.encode(wav, levels=2, last=True).indices
    assert float((usual == exact).float().mean()) > 0.95
    torch.testing.assert_close(network.decode(exact, last=True)[0], wanted, rtol=1e-3, atol=1e-4)


def test_fewer_levels_are_a_prefix(codec: Codec) -> None:
    wav = noise(200)
    codes = codec.encode(wav)
    assert np.array_equal(codec.encode(wav, levels=1).indices, codes.indices[:, :1])
    assert not torch.equal(codec.decode(codes, levels=1), codec.decode(codes, levels=2))


def test_frames_are_as_many_as_snacs() -> None:
    codec = tiny(TINY_SNAC)
    for samples, frames in [(0, 0), (1, 12), (48, 12), (49, 24)]:
        assert codec.encode(noise(samples)).frames == frames


def test_a_window_that_was_cut_is_filled_up() -> None:
    codec = tiny(TINY_SNAC)
    codes = codec.encode(noise(48))
    cut = Codes(codes.indices[..., :4], codec.spec, Source(8000, 1, 16), None)
    assert torch.isfinite(codec.decode(cut)).all()


def test_rates_are_the_public_models() -> None:
    with torch.device("meta"):
        dac, snac = Dac(DacConfig()).spec, Snac(SnacConfig()).spec
    assert (dac.hop_samples, dac.levels, round(dac.bitrate_bps())) == (512, 9, 7752)
    assert (snac.hop_samples, snac.strides) == (512, (4, 2, 1))
    assert [round(snac.bitrate_bps(levels)) for levels in (1, 2, 3)] == [141, 422, 984]


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        (TINY_DAC, dict(encoder_strides=(2, 4))),
        (TINY_DAC, dict(encoder_strides=(6, 1), decoder_strides=(6, 1))),
        (TINY_DAC, dict(encoder_strides=(), decoder_strides=())),
        (TINY_DAC, dict(decoder_channels=18)),
        (TINY_DAC, dict(levels=0)),
        (TINY_DAC, dict(latent_dim=1 << 40)),
        (TINY_DAC, dict(codebook_dim=(8, 8))),
        (TINY_SNAC, dict(level_strides=(3, 2, 1))),
        (TINY_SNAC, dict(level_strides=(1, 2))),
        (TINY_SNAC, dict(attention_window=-1)),
        (TINY_SNAC, dict(encoder_channels=4)),
    ],
)
def test_no_such_network(config: DacConfig | SnacConfig, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        tiny(dataclasses.replace(config, **changes))


def copied(place: str, tmp_path: Path, **changes: Any) -> Path:
    folder = tmp_path / place
    shutil.copytree(GOLDEN / place, folder)
    config = json.loads((folder / "config.json").read_text()) | changes
    config = {key: value for key, value in config.items() if value is not ...}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("dac_transformers", dict(hop_length=512)),  # as a published file says
        ("dac_transformers", dict(hidden_size=..., upsampling_ratios=..., hop_length=...)),
        ("dac_release", dict(codebook_dim=[4, 4, 4], latent_dim=None)),
        ("dac_release", dict(n_codebooks=..., num_codebooks=3, model_type="dac")),
        ("snac", dict(latent_dim=8)),
    ],
)
def test_configurations_that_mean_the_same(
    place: str, change: dict[str, Any], tmp_path: Path
) -> None:
    wav = noise(100)
    wanted = audiocodec.load(GOLDEN / place).encode(wav).indices
    assert np.array_equal(
        audiocodec.load(copied(place, tmp_path, **change)).encode(wav).indices, wanted
    )


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        ("dac_transformers", dict(downsampling_ratios=[2, 2]), "different products"),
        ("dac_transformers", dict(n_codebooks=10**12), "levels"),
        ("dac_transformers", dict(encoder_hidden_size="many"), "DAC of transformers"),
        ("dac_release", dict(sample_rate=...), "sampling_rate"),
        ("dac_release", dict(codebook_dim=[4, 8, 4]), "DAC's release"),
        ("snac", dict(latent_dim=9), "latent_dim"),
        ("snac", dict(vq_strides=[4, 3, 1]), "level_strides"),
        ("snac", dict(encoder_rates=...), "encoder_rates"),
    ],
)
def test_configurations_that_make_no_network(
    place: str, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnknownModel, match=message):
        audiocodec.load(copied(place, tmp_path, **change))


@pytest.mark.parametrize("place", PLACES)
def test_tensors_that_do_not_fit_are_named(place: str, tmp_path: Path) -> None:
    folder = copied(place, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    name = "quantizer.quantizers.0.codebook.weight"
    for changed, message in [
        ({k: v for k, v in tensors.items() if k != name}, f"missing {name}"),
        (tensors | {"extra": torch.zeros(1)}, "left over extra"),
        (tensors | {name: torch.zeros(3, 4)}, "codebook"),
    ]:
        save_file(changed, folder / "model.safetensors")
        with pytest.raises(WeightsMismatch, match=message):
            audiocodec.load(folder)
