"""SNAC against its own package (`pip install --no-deps snac`, einops), on random weights that it
saved; upstream draws our noise."""

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
from audiocodec.families.snac import Snac
from audiocodec.layers.noise import noise_at

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("default")]
pytest.importorskip("snac", reason="snac is not installed")
NEAR = 1e-4
"""Difference of cosines that is called a tie."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """One network in its public package and in ours."""

    codec: Codec
    model: Any


@pytest.fixture(scope="module")
def public(load_public: Callable[[str], ModuleType]) -> ModuleType:
    return load_public("public_dac")


def saved(public: ModuleType, folder: Path, **arguments: Any) -> Pair:
    model = public.snac(folder, **arguments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(folder / "assets"))
        return Pair(audiocodec.load(folder, allow_pickle=True), model)


@pytest.fixture(scope="module", params=["windows", "plain"])
def tiny(
    request: pytest.FixtureRequest, public: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    arguments = dict(public.TINY_SNAC)
    if request.param == "plain":
        arguments |= dict(attn_window_size=None, depthwise=False, noise=False)
    return saved(public, tmp_path_factory.mktemp("snac"), **arguments)


def our_noise() -> Callable[..., Tensor]:
    """Return what to put in the place of torch.randn: one stream for each of its calls."""
    calls = iter(range(1000))

    def drawn(shape: tuple[int, ...], **words: Any) -> Tensor:
        return noise_at(next(calls), 0, shape[-1]).expand(shape)

    return drawn


@torch.no_grad()
def compare(pair: Pair, wav: Tensor) -> None:
    """Codes are equal but for ties, and the sound of the same codes is the same."""
    theirs = pair.model.encode(wav)
    ours = pair.codec.encode(wav)
    spec = pair.codec.spec
    found = [
        torch.from_numpy(ours.indices[:, level, ::stride]).long()
        for level, stride in enumerate(spec.strides)
    ]
    for mine, other in zip(found, theirs, strict=True):
        assert mine.shape == other.shape
        assert float((mine == other).float().mean()) >= 0.999
    check_ties(pair.codec, wav, found, theirs)
    repeated = [
        other.repeat_interleave(stride, dim=1)
        for other, stride in zip(theirs, spec.strides, strict=True)
    ]
    indices = torch.stack(repeated, dim=1).numpy().astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn", our_noise())
        wanted = pair.model.decode(theirs)[..., : wav.shape[-1]]
    sound = pair.codec.decode(dataclasses.replace(ours, indices=indices))
    assert sound.shape == wanted.shape
    assert float((sound - wanted).norm() / wanted.norm()) <= 1e-4
    assert float((sound - wanted).abs().max() / wanted.abs().max()) <= 1e-4


def check_ties(codec: Codec, wav: Tensor, found: list[Tensor], theirs: list[Tensor]) -> None:
    """Where codes differ first, both directions are almost equally near."""
    network = codec.network
    assert isinstance(network, Snac)
    together = network.config.latents_together * network.config.latent_samples
    with torch.inference_mode():
        rest = network.encoder(functional.pad(wav, (0, -wav.shape[-1] % together)), None, True)[0]
    agreed = torch.ones(len(rest), rest.shape[2], dtype=torch.bool)
    strides = network.config.level_strides
    for number, (mine, other, stride) in enumerate(zip(found, theirs, strides, strict=True)):
        level = network.quantizer.level(number)
        means = functional.avg_pool1d(rest, stride, stride)
        asked = functional.normalize(level.in_proj.convolve(means), dim=1)
        nearness = [
            (asked * functional.normalize(level.vectors(indices), dim=1)).sum(dim=1)
            for indices in (mine, other)
        ]
        before = agreed[:, ::stride]
        margin = (nearness[0] - nearness[1]).abs()[before & (mine != other)]
        assert margin.numel() == 0 or float(margin.max()) < NEAR
        agreed &= (mine == other).repeat_interleave(stride, dim=1)
        back = level.out_proj.convolve(level.vectors(other))
        rest = rest - back.repeat_interleave(stride, dim=2)


@pytest.mark.parametrize("samples", [1, 5, 24, 71, 72, 73, 300, 1203])
def test_tiny_of_any_length(tiny: Pair, public: ModuleType, samples: int) -> None:
    compare(tiny, public.noise(2, 1, samples, seed=2))


def test_codes_of_tiny_vary(tiny: Pair, public: ModuleType) -> None:
    indices = tiny.codec.encode(public.noise(1, 1, 3000)).indices[0]
    assert min(len(np.unique(level)) for level in indices) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SNAC_24", "SNAC_32"])
def test_real_size(public: ModuleType, tmp_path: Path, name: str) -> None:
    pair = saved(public, tmp_path, **getattr(public, name))
    compare(pair, public.noise(2, 1, 5001))
    compare(pair, public.noise(1, 1, 15_001))
