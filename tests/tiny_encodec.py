"""EnCodec networks with a few thousand random parameters, one for each kind of model."""

from typing import Any

import torch

from audiocodec.codec import Codec
from audiocodec.families.encodec import Encodec, EncodecConfig

COMMON: dict[str, Any] = dict(
    sample_rate_hz=8000, filters=4, strides=(2, 3, 4), latent_dim=8, levels=4, codebook_size=16
)
CONFIGS = {
    "causal": EncodecConfig(**COMMON),
    "zeros": EncodecConfig(**COMMON, padding="zeros", units=2),
    "ahead": EncodecConfig(**COMMON, causal=False, shortcut=False),
    "segments": EncodecConfig(
        **COMMON,
        channels=2,
        causal=False,
        norm="time_group",
        segment_samples=480,
        segment_stride=452,
        normalize=True,
    ),
}
"""Hop 24; like the models for 24 kHz, like Mimi's padding, for 32 kHz and for 48 kHz."""


def tiny_network(kind: str, *, seed: int = 0) -> Encodec:
    """Return a network in evaluation mode whose codes vary with the input, at all levels."""
    generator = torch.Generator().manual_seed(seed)
    network = Encodec(CONFIGS[kind])
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
            shift = 1.0 if name.endswith("norm.weight") else 0.0
            parameter.copy_(shift + torch.randn(parameter.shape, generator=generator) / fan_in**0.5)
        spread = 0.7 ** torch.arange(network.quantizer.levels)[:, None, None]
        noise = torch.randn(network.quantizer.codebooks.shape, generator=generator)
        network.quantizer.codebooks.copy_(noise * spread / 2)
    return network.eval().requires_grad_(False)


def tiny_codec(kind: str, *, seed: int = 0) -> Codec:
    """Return a codec of such a network."""
    return Codec(tiny_network(kind, seed=seed))
