"""DAC against transformers (`pip install transformers`) and its own package
(`pip install --no-deps descript-audio-codec`, einops), on random weights that these saved."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import audiocodec
from audiocodec.codec import Codec
from audiocodec.families.dac import Dac
from audiocodec.families.weights.checkpoint import Checkpoint
from audiocodec.families.weights.dac import build_release

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("default")]
NEAR = 1e-4
"""Difference of cosines that is called a tie."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """One network in a public package and in ours."""

    codec: Codec
    encode: Callable[[Tensor, int], Tensor]
    decode: Callable[[Tensor], Tensor]


@pytest.fixture(scope="module")
def public(load_public: Callable[[str], ModuleType]) -> ModuleType:
    return load_public("public_dac")


def of_transformers(public: ModuleType, folder: Path, **config: Any) -> Pair:
    pytest.importorskip("transformers", reason="transformers is not installed")
    model = public.transformers_dac(folder, **config)
    return Pair(
        audiocodec.load(folder),
        lambda wav, levels: model.encode(wav, n_quantizers=levels).audio_codes,
        lambda codes: model.decode(audio_codes=codes).audio_values[:, None],
    )


def of_release(public: ModuleType, file: Path, **arguments: Any) -> Pair:
    try:
        model = public.release_dac(file, **arguments)
    except ImportError:
        pytest.skip("descript-audio-codec or einops is not installed")
    return Pair(
        audiocodec.load(file, allow_pickle=True),
        lambda wav, levels: model.encode(wav, levels)[1],
        lambda codes: model.decode(model.quantizer.from_codes(codes)[0]),
    )


TINY_RELEASE = dict(
    encoder_dim=8,
    encoder_rates=[2, 3],
    decoder_dim=64,
    decoder_rates=[3, 2],
    n_codebooks=5,
    codebook_size=64,
    codebook_dim=4,
    sample_rate=8000,
)


@pytest.fixture(scope="module", params=["transformers", "release"])
def tiny(
    request: pytest.FixtureRequest, public: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    folder = tmp_path_factory.mktemp("dac")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(folder / "assets"))
        if request.param == "release":
            return of_release(public, folder / "weights.pth", **TINY_RELEASE)
        return of_transformers(public, folder, **public.TINY_DAC)


@torch.no_grad()
def compare(pair: Pair, wav: Tensor, levels: int) -> None:
    """Codes are equal but for ties, and the sound of the same codes is the same."""
    samples, hop = wav.shape[-1], pair.codec.spec.hop_samples
    theirs = pair.encode(functional.pad(wav, (0, -samples % hop)), levels)
    ours = pair.codec.encode(wav, levels=levels)
    found = torch.from_numpy(ours.indices).long()
    assert found.shape == theirs.shape
    assert ((found == theirs).float().mean(dim=(0, 2)) >= 0.999).all()
    check_ties(pair.codec, wav, found, theirs)
    codes = dataclasses.replace(ours, indices=theirs.numpy().astype(np.int32))
    wanted = pair.decode(theirs)[..., :samples]
    sound = pair.codec.decode(codes)
    assert sound.shape == wav.shape
    # With odd strides, upstream's sound ends a little early.
    assert (sound[..., wanted.shape[-1] :] == 0).all()
    difference = sound[..., : wanted.shape[-1]] - wanted
    assert float(difference.norm() / wanted.norm()) <= 1e-4
    assert float(difference.abs().max() / wanted.abs().max()) <= 1e-4


def check_ties(codec: Codec, wav: Tensor, found: Tensor, theirs: Tensor) -> None:
    """Where codes differ first, both directions are almost equally near."""
    network = codec.network
    assert isinstance(network, Dac)
    hop = codec.spec.hop_samples
    with torch.inference_mode():
        rest = network.encoder(functional.pad(wav, (0, -wav.shape[-1] % hop)), None, True)[0]
    agreed = torch.ones(len(rest), rest.shape[2], dtype=torch.bool)
    for number, (mine, other) in enumerate(zip(found.unbind(1), theirs.unbind(1), strict=True)):
        level = network.quantizer.level(number)
        asked = functional.normalize(level.in_proj.convolve(rest), dim=1)
        nearness = [
            (asked * functional.normalize(level.vectors(indices), dim=1)).sum(dim=1)
            for indices in (mine, other)
        ]
        margin = (nearness[0] - nearness[1]).abs()[agreed & (mine != other)]
        assert margin.numel() == 0 or float(margin.max()) < NEAR
        agreed &= mine == other
        rest = rest - level.out_proj.convolve(level.vectors(other))


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 5])
def test_tiny_at_all_levels(tiny: Pair, public: ModuleType, levels: int) -> None:
    compare(tiny, public.noise(1, 1, 1203), levels)


@pytest.mark.parametrize("samples", [1, 5, 6, 7, 24, 100, 301])
def test_tiny_of_any_length(tiny: Pair, public: ModuleType, samples: int) -> None:
    compare(tiny, public.noise(2, 1, samples, seed=2), 5)


def test_codes_of_tiny_vary(tiny: Pair, public: ModuleType) -> None:
    indices = tiny.codec.encode(public.noise(1, 1, 1200)).indices[0]
    assert min(len(np.unique(level)) for level in indices) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["DAC_16", "DAC_24", "DAC_44"])
def test_real_size(public: ModuleType, tmp_path: Path, name: str) -> None:
    pair = of_transformers(public, tmp_path, **getattr(public, name))
    compare(pair, public.noise(2, 1, 6001), pair.codec.spec.levels)
    compare(pair, public.noise(1, 1, 700), 1)


@pytest.mark.slow
def test_real_size_with_the_release_s_names(public: ModuleType, tmp_path: Path) -> None:
    arguments = dict(n_codebooks=9, sample_rate=44_100, latent_dim=1024)
    pair = of_release(public, tmp_path / "weights.pth", **arguments)
    compare(pair, public.noise(1, 1, 9000), 9)


@pytest.mark.slow
def test_what_parler_tts_stores_is_the_44_khz_model(public: ModuleType, tmp_path: Path) -> None:
    try:
        model = public.release_package().DAC()
    except ImportError:
        pytest.skip("descript-audio-codec or einops is not installed")
    config = dict(
        model_type="dac",
        num_codebooks=9,
        codebook_size=1024,
        latent_dim=1024,
        model_bitrate=8,
        frame_rate=86,
        sampling_rate=44_100,
    )
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    network = build_release(Checkpoint(tmp_path, config, tensors))
    assert network.spec.hop_samples == 512 and network.spec.levels == 9
