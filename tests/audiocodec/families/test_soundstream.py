"""The SoundStream network: its configuration, its grid, and streams equal to offline runs."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from audiocodec.families.soundstream import SoundStream, SoundStreamConfig
from audiocodec.layers.state import State

FULL_RATE = SoundStreamConfig(
    sample_rate_hz=8000,
    strides=(2, 3),
    encoder_channels=(3, 6, 20),
    decoder_channels=(2, 4, 8),
    latent_dim=6,
    levels=4,
    codebook_size=16,
    groups=2,
)
"""The paper's form, hop 6; widths on both sides of where exact products change their way."""

PATCH = SoundStreamConfig(
    sample_rate_hz=8000,
    patch_samples=4,
    stem_kernel=16,
    strides=(2, 5),
    encoder_channels=(4, 16, 18),
    decoder_channels=(4, 8, 12),
    unit_kernel=3,
    depthwise=True,
    activation="leaky_relu",
    trunk_activation=False,
    latent_units=1,
    latent_dim=8,
    levels=4,
    codebook_size=16,
)
"""The light form, hop 40, with every option on."""

SPECTRUM = replace(PATCH, stem="spectrum", patch_samples=20, stem_kernel=40, strides=(2, 1))
"""Between short-time spectra, hop 40; the decoder is 20 samples late."""

CONFIGS = {"full rate": FULL_RATE, "patch": PATCH, "spectrum": SPECTRUM}


@pytest.fixture(scope="module", params=CONFIGS)
def network(request: pytest.FixtureRequest) -> SoundStream:
    torch.manual_seed(0)
    network = SoundStream(CONFIGS[request.param])
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    network.quantizer.codebooks.normal_()
    return network.eval().requires_grad_(False)


def sound(network: SoundStream, frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(frames)
    return 0.3 * torch.randn(2, 1, frames * network.config.hop_samples, generator=generator)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strides": (2,)}, "1 strides need 2 channel widths, not 3"),
        ({"decoder_channels": (2, 4)}, "2 strides need 3 channel widths, not 2"),
        ({"patch_samples": 4}, "stem_kernel must be a multiple of patch_samples"),
        ({"latent_dim": 7}, "latent_dim must be a multiple of groups"),
        ({"stem": "mel"}, "stem is learned or spectrum"),
        ({"stem": "spectrum"}, "a spectrum's stem_kernel is twice its patch_samples"),
        ({"activation": "relu"}, r"activation is one of \['elu', 'leaky_relu'\]"),
        ({"codebook_size": 1}, "codebook_size is 1; whole numbers from 2"),
        ({"levels": 0}, "levels is 0; whole numbers from 1"),
        ({"latent_units": -1}, "latent_units is -1; whole numbers from 0 to 64"),
        ({"strides": (2, 0)}, r"strides is \(2, 0\); whole numbers"),
        ({"dilations": (1, 2.5)}, r"dilations is \(1, 2.5\); whole numbers"),
        ({"dilations": (True,)}, "dilations"),
        ({"encoder_channels": (3, 6, 1 << 40)}, "encoder_channels"),
        ({"dilations": (1,) * 65}, "dilations lists 65 numbers, over 64"),
        ({"dilations": (1 << 19,)}, "dilated kernel is longer"),
        ({"strides": (1 << 19, 3)}, "a hop .* is longer"),
    ],
)
def test_impossible_configurations_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FULL_RATE, **change)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_hop_is_the_product_of_strides(config: SoundStreamConfig) -> None:
    expected = {6: 6, 8: 40}[config.latent_dim]
    assert config.hop_samples == expected
    spec = config.spec
    assert (spec.hop_samples, spec.sample_rate_hz, spec.channels) == (expected, 8000, 1)
    assert spec.codebook_sizes == (16, 16, 16, 16)
    assert SoundStream(config).spec == spec
    late = {"learned": 0, "spectrum": config.patch_samples}[config.stem]
    assert SoundStream(config).delay_samples == late


@torch.inference_mode()
def test_shapes(network: SoundStream) -> None:
    wav = sound(network, 7)
    indices = network.encode(wav, levels=3).indices
    assert indices.shape == (2, 3, 7) and indices.dtype == torch.int64
    assert indices.float().std() > 1
    back, _ = network.decode(indices)
    assert back.shape == wav.shape and back.isfinite().all()


@torch.inference_mode()
@pytest.mark.parametrize("piece", [1, 2, 5, 16, 23])
def test_a_stream_has_the_bits_of_the_offline_run(network: SoundStream, piece: int) -> None:
    wav, hop = sound(network, 50), network.config.hop_samples
    indices = network.encode(wav, levels=4).indices
    latents, _ = network.encoder(wav)
    back, _ = network.decode(indices)
    state: State = None
    heard: State = None
    decoding: State = None
    found, seen, given = [], [], []
    for begin in range(0, 50, piece):
        block = wav[..., begin * hop : (begin + piece) * hop]
        encoded = network.encode(block, levels=4, state=state)
        part, state = encoded.indices, encoded.state
        latent, heard = network.encoder(block, heard)
        samples, decoding = network.decode(part, state=decoding)
        found.append(part)
        seen.append(latent)
        given.append(samples)
    assert torch.equal(torch.cat(seen, dim=-1), latents)
    assert torch.equal(torch.cat(found, dim=-1), indices)
    assert torch.equal(torch.cat(given, dim=-1), back)


@torch.inference_mode()
def test_rows_and_threads_do_not_matter(network: SoundStream) -> None:
    wav = sound(network, 30)
    latents, _ = network.encoder(wav)
    back, _ = network.decoder(latents)
    before = torch.get_num_threads()
    for threads in (1, 2, 3, 8):
        torch.set_num_threads(threads)
        for i in range(2):
            alone, _ = network.encoder(wav[i : i + 1])
            heard, _ = network.decoder(alone)
            assert torch.equal(alone[0], latents[i]) and torch.equal(heard[0], back[i])
    torch.set_num_threads(before)


@torch.inference_mode()
def test_later_sound_changes_no_earlier_code_or_sample(network: SoundStream) -> None:
    wav, hop = sound(network, 20), network.config.hop_samples
    changed = wav.clone()
    changed[..., 11 * hop :] *= -1
    before, after = network.encoder(wav)[0], network.encoder(changed)[0]
    assert torch.equal(before[..., :11], after[..., :11])
    assert not torch.equal(before[..., 11], after[..., 11])
    indices = network.encode(wav, levels=4).indices
    other = indices.clone()
    other[..., 11:] = 15 - other[..., 11:]
    first, second = network.decode(indices)[0], network.decode(other)[0]
    assert torch.equal(first[..., : 11 * hop], second[..., : 11 * hop])
    assert not torch.equal(first, second)


@torch.inference_mode()
def test_fewer_levels_are_a_prefix(network: SoundStream) -> None:
    wav = sound(network, 20)
    most = network.encode(wav, levels=4).indices
    for levels in (1, 2, 3):
        assert torch.equal(network.encode(wav, levels=levels).indices, most[:, :levels])


def test_training_and_inference_agree(network: SoundStream) -> None:
    wav = sound(network, 20)
    trained, _ = network.encoder(wav)
    heard, _ = network.decoder(trained)
    with torch.inference_mode():
        latents, _ = network.encoder(wav)
        back, _ = network.decoder(latents)
    torch.testing.assert_close(trained, latents, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(heard, back, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_parameter_is_trained(config: SoundStreamConfig) -> None:
    torch.manual_seed(0)
    network = SoundStream(config)
    wav = sound(network, 12)
    latents, _ = network.encoder(wav)
    heard, _ = network.decoder(latents)
    assert heard.shape == wav.shape
    gradients = torch.autograd.grad((heard - wav).square().mean(), list(network.parameters()))
    for (name, _), gradient in zip(network.named_parameters(), gradients, strict=True):
        assert gradient.isfinite().all() and gradient.abs().sum() > 0, name


def test_trunk_activations_are_an_option() -> None:
    # One before each stride and one before the last layer, in encoder and decoder.
    plain = SoundStream(replace(FULL_RATE, trunk_activation=False))
    active = SoundStream(FULL_RATE)
    for part in ("encoder", "decoder"):
        without, with_ = (len(getattr(network, part).layers) for network in (plain, active))
        assert with_ - without == 3
