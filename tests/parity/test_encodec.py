"""EnCodec against transformers and the encodec package, on random weights that these saved.

pip install transformers; pip install --no-deps encodec einops (its torchaudio is not needed).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import audiocodec
from audiocodec.codec import Codec

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("default")]

NEAR = 1e-4
"""Relative difference of distances that is called a tie."""


@pytest.fixture(scope="module")
def public(load_public: Callable[[str], ModuleType]) -> ModuleType:
    return load_public("public_encodec")


def margins(codec: Codec, latents: Tensor, found: Tensor, wanted: Tensor) -> list[float]:
    """Return for each frame with other codes how much nearer the better vector was, at the first.

    latents [D, F], codes [K, F].
    """
    codebooks = codec.network.quantizer.codebooks  # type: ignore[attr-defined]
    ties = []
    for frame in (found != wanted).any(dim=0).nonzero().flatten().tolist():
        level = int((found[:, frame] != wanted[:, frame]).nonzero()[0])
        rest = latents[:, frame].double()
        for before in range(level):
            rest = rest - codebooks[before, found[before, frame]]
        pair = torch.stack([codes[level, frame] for codes in (found, wanted)])
        distances = (rest - codebooks[level, pair].double()).square().sum(dim=1)
        ties.append(float((distances[0] - distances[1]).abs() / distances.max()))
    return ties


def check(codec: Codec, theirs: Any, wav: Tensor, codes: Tensor, scales: Tensor | None) -> None:
    """Compare codes [B, K, F] and scales [B, S] of `theirs` with ours for wav [B, C, T]."""
    ours = codec.encode(wav, levels=codes.shape[1])
    found = torch.from_numpy(ours.indices).long()
    assert found.shape == codes.shape
    assert (found == codes).float().mean() >= 0.999
    if scales is None:
        for item, a, b in zip(wav, found, codes, strict=True):
            if not torch.equal(a, b):
                latents = theirs(item[None])[0]
                ties = margins(codec, latents, a, b)
                print(f"{len(ties)} frames differ, at ties of {max(ties):.1e} and closer")
                assert max(ties) < NEAR
    else:
        assert ours.scale is not None
        np.testing.assert_allclose(ours.scale, scales, rtol=1e-5)


def check_sound(codec: Codec, wav: Tensor, codes: Tensor, wanted: Tensor) -> None:
    """Compare what both make of the same codes."""
    ours = codec.encode(wav, levels=codes.shape[1])
    ours = replace(ours, indices=codes.int().numpy())
    wanted = wanted[..., : wav.shape[-1]]
    error = (codec.decode(ours) - wanted).norm() / wanted.norm()
    assert error < 1e-4


def compare(public: ModuleType, model: Any, codec: Codec, samples: int, batch: int = 1) -> None:
    """Compare with transformers' model at all its bandwidths."""
    wav = public.sound(model.config.audio_channels, samples * batch)
    wav = wav.reshape(-1, batch, samples).transpose(0, 1).contiguous()
    for bandwidth in model.config.target_bandwidths:
        codes, scales = public.encode(model, wav, bandwidth)
        assert codes.shape[1] == codec.spec.levels_for_bitrate(1000 * bandwidth)
        check(codec, model.encoder, wav, codes, scales)
        check_sound(codec, wav, codes, public.decode(model, codes, scales))


@pytest.mark.parametrize("kind", ["mono", "stereo", "musicgen"])
def test_tiny_networks_of_transformers(public: ModuleType, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    model = public.transformers_encodec(tmp_path, **public.TINIES[kind])
    codec = audiocodec.load(tmp_path)
    for samples in (1, 23, 24, 25, 2375, 9504, 15_001):
        compare(public, model, codec, samples)
    compare(public, model, codec, 3000, batch=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "samples"), [("MONO", 30_001), ("STEREO", 60_001), ("MUSICGEN", 20_001)]
)
def test_networks_of_transformers_in_real_size(
    public: ModuleType, tmp_path: Path, kind: str, samples: int
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    model = public.transformers_encodec(tmp_path, **getattr(public, kind, {}))
    compare(public, model, audiocodec.load(tmp_path), samples)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "samples"), [("24khz", 30_001), ("48khz", 60_001)])
@torch.no_grad()
def test_networks_of_the_release(
    public: ModuleType, tmp_path: Path, name: str, samples: int
) -> None:
    pytest.importorskip("einops", reason="einops, which encodec needs, is not installed")
    with public.without_torchaudio():
        pytest.importorskip("encodec", reason="encodec is not installed")
    model = public.release(f"encodec_model_{name}")
    save_file(model.state_dict(), tmp_path / f"encodec_{name}.safetensors")
    codec = audiocodec.load(tmp_path / f"encodec_{name}.safetensors")
    wav = public.sound(model.channels, samples)
    for bandwidth in model.target_bandwidths:
        model.set_target_bandwidth(bandwidth)
        frames = model.encode(wav)
        codes = torch.cat([segment for segment, _ in frames], dim=-1)
        scales = [scale for _, scale in frames if scale is not None]
        check(codec, model.encoder, wav, codes, torch.cat(scales, dim=-1) if scales else None)
        check_sound(codec, wav, codes, model.decode(frames))
