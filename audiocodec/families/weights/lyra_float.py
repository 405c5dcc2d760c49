"""Lyra's twin in float: the same weights in a SoundStream, where every one has a gradient."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from audiocodec.families.lyra import Lyra
from audiocodec.families.soundstream import SoundStream, SoundStreamConfig
from audiocodec.layers.causal import CausalConv1d, CausalConvTranspose1d
from audiocodec.layers.int8 import Int8Conv1d, Int8ConvTranspose1d

from .empty import empty_network
from .lyra_flow import flow


@dataclass(frozen=True, slots=True)
class _Weights:
    """Of one convolution, in float."""

    weight: Tensor
    bias: Tensor | None


def in_float(network: Lyra) -> SoundStream:
    """Return a network with the same layers in float: other codes, but it can be trained.

    What the int8 layers round, and clamp to the ends of their grids, is neither here.
    """
    config = network.config
    shape = {f.name: getattr(config, f.name) for f in fields(SoundStreamConfig)}
    twin = empty_network(SoundStream, SoundStreamConfig(**shape))
    assert isinstance(twin, SoundStream)
    twin.to_empty(device=network.quantizer.codebooks.device)
    with torch.no_grad():
        for ours, theirs in ((twin.encoder, network.encoder), (twin.decoder, network.decoder)):
            for layer, found in zip(_convolutions(ours), _weights(theirs), strict=True):
                layer.weight.copy_(found.weight)
                if layer.bias is not None and found.bias is not None:
                    layer.bias.copy_(found.bias)
        twin.quantizer.codebooks.copy_(network.quantizer.codebooks)
    return twin.eval().requires_grad_(False)


def _convolutions(chain: nn.Module) -> Iterator[CausalConv1d | CausalConvTranspose1d]:
    for place in flow(chain):
        if isinstance(place.layer, CausalConv1d | CausalConvTranspose1d):
            yield place.layer


def _weights(chain: nn.Module) -> Iterator[_Weights]:
    """Yield what every convolution multiplies with and adds, by the scale of what it is given."""
    scale = 1.0  # of the line's centred numbers, where it is in int8
    for place in flow(chain):
        layer = place.layer
        if isinstance(layer, CausalConv1d | CausalConvTranspose1d):
            yield _Weights(layer.weight, layer.bias)
        elif isinstance(layer, Int8Conv1d):
            target = layer.factors.double() * layer.target.scale
            yield _Weights(layer.weight * (target / scale)[:, None, None], layer.bias * target)
        elif isinstance(layer, Int8ConvTranspose1d):
            scales = [grid.scale for grid in layer.targets]
            each = layer.factors.double().reshape(len(scales), -1)
            target = each * each.new_tensor(scales)[:, None]
            weight = layer.weight.reshape(len(scales), -1, *layer.weight.shape[1:])
            real = weight * (target / scale)[:, None, :, None]
            yield _Weights(real.flatten(0, 1), layer.bias * target.flatten())
        scale = getattr(getattr(layer, "target", None), "scale", scale)
