"""Mimi against transformers and moshi (`pip install transformers`, `pip install --no-deps moshi`
and what that imports), on random weights that these packages saved."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import audiocodec
from audiocodec.codec import Codec
from audiocodec.families.mimi import Mimi

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("default")]

Encode = Callable[[Tensor, int], Tensor]
"""wav [B, 1, T] and levels to codes [B, levels, F]."""

NEAR = 1e-4
"""Relative difference of distances that is called a tie."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """One network in a public package and in ours."""

    codec: Codec
    encode: Encode
    decode: Callable[[Tensor], Tensor]


@pytest.fixture(scope="module")
def public(load_public: Callable[[str], ModuleType]) -> ModuleType:
    return load_public("public_mimi")


def of_transformers(public: ModuleType, folder: Path, **config: Any) -> Pair:
    pytest.importorskip("transformers", reason="transformers is not installed")
    model = public.transformers_mimi(folder, **config)
    return Pair(
        audiocodec.load(folder),
        lambda wav, levels: model.encode(wav, num_quantizers=levels).audio_codes,
        lambda codes: model.decode(codes).audio_values,
    )


def of_moshi(public: ModuleType, file: Path, **config: Any) -> Pair:
    pytest.importorskip("moshi.models.loaders", reason="moshi is not installed")
    model = public.moshi_mimi(file, **config)

    def encode(wav: Tensor, levels: int) -> Tensor:
        model.set_num_codebooks(levels)
        codes: Tensor = model.encode(wav)
        return codes

    return Pair(audiocodec.load(file), encode, model.decode)


@pytest.fixture(scope="module", params=["transformers", "moshi"])
def tiny(request: pytest.FixtureRequest, public: ModuleType, tmp_path_factory: Any) -> Pair:
    folder = tmp_path_factory.mktemp("mimi")
    if request.param == "moshi":
        return of_moshi(public, folder / "tokenizer.safetensors", **public.TINY_MOSHI)
    return of_transformers(public, folder, **public.TINY_TRANSFORMERS)


@pytest.fixture(scope="module", params=["transformers", "moshi"])
def real(request: pytest.FixtureRequest, public: ModuleType, tmp_path_factory: Any) -> Pair:
    folder = tmp_path_factory.mktemp("mimi")
    if request.param == "moshi":
        return of_moshi(public, folder / "tokenizer.safetensors")
    return of_transformers(public, folder)


@torch.no_grad()
def compare(pair: Pair, wav: Tensor, levels: int) -> None:
    """Codes are equal but for ties, and the sound of the same codes is the same."""
    theirs = pair.encode(wav, levels)
    ours = pair.codec.encode(wav, levels=levels)
    found = torch.from_numpy(ours.indices).long()
    assert found.shape == theirs.shape
    assert (found == theirs).float().mean() >= 0.999
    check_ties(pair.codec, wav, found, theirs)
    codes = dataclasses.replace(ours, indices=theirs.numpy().astype(np.int32))
    wanted = pair.decode(theirs)[..., : wav.shape[-1]]
    sound = pair.codec.decode(codes)
    assert sound.shape == wanted.shape
    assert float((sound - wanted).norm() / wanted.norm()) <= 1e-4


def check_ties(codec: Codec, wav: Tensor, found: Tensor, theirs: Tensor) -> None:
    """Where codes differ first, both entries are almost equally near."""
    network = codec.network
    assert isinstance(network, Mimi)
    latents = network.encoder(wav, None, True)[0]
    semantic = network.config.semantic_levels
    for part, levels in (
        (network.quantizer.semantic, slice(0, semantic)),
        (network.quantizer.acoustic, slice(semantic, None)),
    ):
        rest = part.input.convolve(latents).transpose(1, 2)
        agreed = torch.ones(rest.shape[:2], dtype=torch.bool)
        pairs = zip(found[:, levels].unbind(1), theirs[:, levels].unbind(1), strict=True)
        for codebook, (ours, other) in zip(part.residual.codebooks, pairs, strict=False):
            mine, their = (
                (rest - codebook[ours]).norm(dim=-1),
                (rest - codebook[other]).norm(dim=-1),
            )
            margin = ((mine - their).abs() / their.clamp(min=1e-12))[agreed & (ours != other)]
            assert margin.numel() == 0 or float(margin.max()) < NEAR
            agreed &= ours == other
            rest = rest - codebook[other]


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 5])
def test_tiny_at_all_levels(tiny: Pair, public: ModuleType, levels: int) -> None:
    compare(tiny, public.noise(1, 1, 20 * tiny.codec.spec.hop_samples + 37), levels)


@pytest.mark.parametrize("hops", [0.001, 0.5, 1.0, 1.02, 2.99, 7.5])
def test_tiny_of_any_length(tiny: Pair, public: ModuleType, hops: float) -> None:
    samples = max(1, round(hops * tiny.codec.spec.hop_samples))
    compare(tiny, public.noise(2, 1, samples, seed=2), tiny.codec.spec.levels)


def test_tiny_beyond_the_window(tiny: Pair, public: ModuleType) -> None:
    compare(tiny, public.noise(1, 1, 300 * tiny.codec.spec.hop_samples, seed=3), 5)


def test_codes_of_tiny_vary(tiny: Pair, public: ModuleType) -> None:
    wav = public.noise(1, 1, 100 * tiny.codec.spec.hop_samples)
    indices = tiny.codec.encode(wav).indices[0]
    assert min(len(np.unique(level)) for level in indices) > 10


@pytest.mark.parametrize("name", ["transformers", "moshi"])
def test_conv_shortcuts_and_more_units(public: ModuleType, tmp_path: Path, name: str) -> None:
    if name == "moshi":
        config = public.TINY_MOSHI | {
            "seanet": public.TINY_MOSHI["seanet"] | {"true_skip": False, "n_residual_layers": 2}
        }
        pair = of_moshi(public, tmp_path / "m.safetensors", **config)
    else:
        config = public.TINY_TRANSFORMERS | {"use_conv_shortcut": True, "num_residual_layers": 2}
        pair = of_transformers(public, tmp_path, **config)
    assert pair.codec.network.config.shortcut  # type: ignore[attr-defined]
    compare(pair, public.noise(1, 1, 9 * pair.codec.spec.hop_samples + 5), 5)


@pytest.mark.slow
def test_real_size(real: Pair, public: ModuleType) -> None:
    compare(real, public.noise(2, 1, 15 * 1920 + 1001), 32)
    compare(real, public.noise(1, 1, 4 * 1920 - 1), 8)
    compare(real, public.noise(1, 1, 2 * 1920), 1)
