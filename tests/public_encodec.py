"""EnCodec networks of transformers and of the encodec package, with random weights.

Weights keep the loudness of what flows through, and every codebook fits what it quantizes, so
that codes vary and no level is idle, as in trained ones.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

STEREO = dict(
    sampling_rate=48_000,
    audio_channels=2,
    normalize=True,
    chunk_length_s=1.0,
    overlap=0.01,
    norm_type="time_group_norm",
    use_causal_conv=False,
    target_bandwidths=[3.0, 6.0, 12.0, 24.0],
)
"""Of facebook/encodec_48khz; the defaults are those of encodec_24khz."""
MUSICGEN = dict(
    sampling_rate=32_000,
    num_filters=64,
    upsampling_ratios=[8, 5, 4, 4],
    codebook_size=2048,
    use_causal_conv=False,
    use_conv_shortcut=False,
    target_bandwidths=[2.2],
)
"""Of facebook/encodec_32khz."""

TINY = dict(
    num_filters=4, hidden_size=16, upsampling_ratios=[4, 3, 2], codebook_size=64, codebook_dim=None
)
TINIES: dict[str, dict[str, Any]] = {
    "mono": TINY | dict(sampling_rate=9600, target_bandwidths=[2.4, 4.8, 12.0]),
    "stereo": STEREO | TINY | dict(sampling_rate=9600, target_bandwidths=[2.4, 12.0]),
    "musicgen": MUSICGEN
    | TINY
    | dict(sampling_rate=9600, target_bandwidths=[12.0], num_residual_layers=2),
}
"""Hop 24, 400 frames a second of up to five levels of 6 bits."""

_SMALLEST = TINY | dict(num_filters=2, hidden_size=4, upsampling_ratios=[4, 2], codebook_size=16)
SMALLEST: dict[str, dict[str, Any]] = {
    "mono": _SMALLEST | dict(sampling_rate=8000, target_bandwidths=[12.0]),
    "stereo": STEREO
    | _SMALLEST
    | dict(sampling_rate=8000, chunk_length_s=0.02, overlap=0.1, target_bandwidths=[12.0]),
}
"""A few kilobytes, for golden files; hop 8, three levels, segments of 20 ms."""


def sound(channels: int, samples: int, *, seed: int = 1) -> Tensor:
    """Return noise [1, channels, samples] that swells and fades."""
    noise = torch.randn(1, channels, samples, generator=torch.Generator().manual_seed(seed))
    return 0.2 * noise * (1.2 + torch.sin(torch.arange(samples) * (20 / max(1, samples))))


def randomise(network: nn.Module, generator: torch.Generator) -> None:
    """Fill all parameters so that loudness is kept."""
    for name, parameter in network.named_parameters():
        random = torch.randn(parameter.shape, generator=generator)
        if "norm." in name:
            parameter.data = 0.1 * random + float(name.endswith("weight"))
        elif name.endswith(("weight_g", "original0")):
            parameter.data = 0.9 + 0.2 * torch.rand(parameter.shape, generator=generator)
        elif "lstm" in name:
            parameter.data = random * parameter.shape[-1] ** -0.5
        else:
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
            parameter.data = random * fan_in**-0.5


def fit_codebooks(codebooks: list[Any], latents: Tensor, generator: torch.Generator) -> None:
    """Fill codebooks, each as wide as what the ones before it leave of latents [B, D, F]."""
    rest = latents.transpose(1, 2).flatten(0, 1)
    for codebook in codebooks:
        random = torch.randn(codebook.embed.shape, generator=generator)
        vectors = 0.8 * rest.std(dim=0) * random
        vectors += rest[torch.randint(len(rest), (len(vectors),), generator=generator)] / 2
        codebook.embed.copy_(vectors)
        rest = rest - vectors[torch.cdist(rest, vectors).argmin(dim=1)]


@torch.no_grad()
def transformers_encodec(folder: Path, *, seed: int = 0, **config: Any) -> Any:
    """Return an `EncodecModel` of transformers after saving it in a folder."""
    transformers: Any = import_module("transformers")
    model = transformers.EncodecModel(transformers.EncodecConfig(**config)).eval()
    generator = torch.Generator().manual_seed(seed)
    randomise(model, generator)
    wav = sound(model.config.audio_channels, 60 * model.config.hop_length)
    if model.config.normalize:
        wav /= wav.square().mean().sqrt()
    fit_codebooks(
        [layer.codebook for layer in model.quantizer.layers], model.encoder(wav), generator
    )
    model.save_pretrained(folder)
    return model


@torch.no_grad()
def encode(model: Any, wav: Tensor, bandwidth: float) -> tuple[Tensor, Tensor | None]:
    """Return the codes [B, K, F] that transformers gives, and the segments' scales [B, S]."""
    found = model.encode(wav, bandwidth=bandwidth)
    codes = torch.cat(list(found.audio_codes), dim=-1)
    if found.last_frame_pad_length:
        codes = codes[..., : -found.last_frame_pad_length]
    scales = [scale for scale in found.audio_scales if scale is not None]
    return codes, torch.cat(scales, dim=-1) if scales else None


@torch.no_grad()
def decode(model: Any, codes: Tensor, scales: Tensor | None) -> Tensor:
    """Return the sound of what `encode` returned."""
    if scales is None:
        wav: Tensor = model.decode(codes[None], [None]).audio_values
        return wav
    frames = -(-model.config.chunk_length // model.config.hop_length)
    missing = -codes.shape[-1] % frames
    padded = nn.functional.pad(codes, (0, missing))
    stacked = padded.reshape(*codes.shape[:2], -1, frames).permute(2, 0, 1, 3)
    wav = model.decode(stacked, list(scales.unbind(-1)), last_frame_pad_length=missing).audio_values
    return wav


@contextmanager
def without_torchaudio() -> Iterator[None]:
    """Let a module that imports torchaudio, but needs nothing of it here, be imported."""
    stub = ModuleType("torchaudio")
    stub.__spec__ = ModuleSpec("torchaudio", None)
    missing = "torchaudio" not in sys.modules
    if missing:
        sys.modules["torchaudio"] = stub
    try:
        yield
    finally:
        if missing:
            del sys.modules["torchaudio"]


@torch.no_grad()
def release(name: str, *, seed: int = 0) -> Any:
    """Return an `EncodecModel` of the encodec package: encodec_model_24khz or _48khz."""
    with without_torchaudio():
        package: Any = import_module("encodec")
        model = getattr(package.EncodecModel, name)(pretrained=False).eval()
    generator = torch.Generator().manual_seed(seed)
    randomise(model, generator)
    wav = sound(model.channels, 60 * 320)
    if model.normalize:
        wav /= wav.square().mean().sqrt()
    codebooks = [layer._codebook for layer in model.quantizer.vq.layers]
    fit_codebooks(codebooks, model.encoder(wav), generator)
    for codebook in codebooks:
        codebook.inited.fill_(1)
    return model
