"""google/lyra's three TFLite files to a network of ours: exactly, or in float to train on."""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from audiocodec.errors import UnknownModel
from audiocodec.families.lyra import Lyra, LyraConfig
from audiocodec.families.soundstream import SoundStream
from audiocodec.layers.activation import Activation as FloatActivation
from audiocodec.layers.causal import CausalConv1d, CausalConvTranspose1d
from audiocodec.layers.chain import Chain, Residual
from audiocodec.layers.int8 import (
    FromInt8,
    Int8Conv1d,
    Int8ConvTranspose1d,
    Int8LeakyReLU,
    Int8Residual,
    ToInt8,
)

from .lyra_codebooks import read_codebooks
from .lyra_float import in_float
from .lyra_flow import flow
from .lyra_operators import read_steps
from .lyra_steps import (
    Activation,
    Addition,
    Convolution,
    Dequantize,
    FloatArray,
    Quantize,
    Step,
    unexpected,
)
from .tflite import read_tflite

FILES = ("soundstream_encoder.tflite", "quantizer.tflite", "lyragan.tflite")
_SIGNATURE = "serving_default"
_CONVOLUTIONS = (CausalConv1d, CausalConvTranspose1d, Int8Conv1d, Int8ConvTranspose1d)
_LAYERS: dict[type[nn.Module], type[Step]] = {
    CausalConv1d: Convolution,
    CausalConvTranspose1d: Convolution,
    Int8Conv1d: Convolution,
    Int8ConvTranspose1d: Convolution,
    FloatActivation: Activation,
    Int8LeakyReLU: Activation,
    Residual: Addition,
    Int8Residual: Addition,
    ToInt8: Quantize,
    FromInt8: Dequantize,
}


@dataclass(frozen=True, slots=True)
class LyraFiles:
    """What the three files hold."""

    encoder: list[Step]
    codebooks: FloatArray
    decoder: list[Step]


def read_lyra(encoder: bytes, quantizer: bytes, decoder: bytes) -> LyraFiles:
    """Read the three files of FILES. Raises UnknownModel, naming the operator, for others."""
    books = read_tflite(quantizer)
    return LyraFiles(
        encoder=read_steps(read_tflite(encoder).graph(_SIGNATURE)),
        codebooks=read_codebooks(books.graph("encode"), books.graph("decode")),
        decoder=read_steps(read_tflite(decoder).graph(_SIGNATURE)),
    )


def build_lyra(files: LyraFiles) -> Lyra:
    """Return the network in the original's arithmetic, int8 where it is."""
    config = _config(files)
    try:
        network = Lyra(config)
    except ValueError as error:
        raise UnknownModel(f"no Lyra of a known shape: {error}") from error
    for chain, steps in ((network.encoder, files.encoder), (network.decoder, files.decoder)):
        _check(chain, steps)
        _fill(chain, steps)
    network.quantizer.codebooks.copy_(torch.tensor(files.codebooks))
    return network.eval().requires_grad_(False)


def build_float(files: LyraFiles) -> SoundStream:
    """Return the network with the same weights in float: other codes, but it can be trained."""
    return in_float(build_lyra(files))


def _config(files: LyraFiles) -> LyraConfig:
    """Return the configuration that the steps follow, if they follow any."""
    inner = [s for s in files.encoder if isinstance(s, Convolution)]
    outer = [s for s in files.decoder if isinstance(s, Convolution)]
    slopes = {s.negative_slope for s in files.encoder + files.decoder if isinstance(s, Activation)}
    strided = [s for s in inner[1:] if s.stride > 1]
    raised = [s for s in outer[:-1] if s.transposed]
    if len(inner) < 3 or not strided or not raised or len(slopes) != 1:
        raise UnknownModel("no Lyra: strided convolutions and one kind of activation expected")
    units = inner[1 : inner.index(strided[0])]
    levels, codebook_size, latent_dim = files.codebooks.shape
    encoder, decoder = _grids(files.encoder), _grids(files.decoder)
    try:
        return LyraConfig(
            patch_samples=inner[0].stride,
            stem_kernel=inner[0].weight.shape[2],
            strides=tuple(s.stride for s in strided),
            encoder_channels=tuple(s.out_channels for s in (inner[0], *strided)),
            decoder_channels=tuple(s.in_channels for s in (*raised, outer[-1]))[::-1],
            unit_kernel=units[0].weight.shape[2] if units else 1,
            dilations=tuple(s.dilation for s in units[::3]),
            negative_slope=float(f"{slopes.pop():.7g}"),  # the shortest of the same float32
            block_groups=tuple(s.groups for s in strided),
            latent_kernel=inner[-1].weight.shape[2],
            head_groups=inner[-1].groups,
            latent_dim=latent_dim,
            levels=levels,
            codebook_size=codebook_size,
            encoder_scales=tuple(scale for scale, _ in encoder),
            encoder_zeros=tuple(zero for _, zero in encoder),
            decoder_scales=tuple(scale for scale, _ in decoder),
            decoder_zeros=tuple(zero for _, zero in decoder),
        )
    except ValueError as error:
        raise UnknownModel(f"no Lyra of a known shape: {error}") from error


def _grids(steps: list[Step]) -> list[tuple[float, int]]:
    return [(grid.scale, grid.zero) for step in steps for grid in step.grids]


def _check(chain: Chain, steps: list[Step]) -> None:
    """Raise UnknownModel unless the steps are the layers, in kind and order."""
    places = list(flow(chain))
    for place, step in zip(places, steps, strict=False):
        kind = _LAYERS[type(place.layer)]
        if not isinstance(step, kind):
            raise unexpected(step.operator, f"{kind.__name__.lower()} expected here")
        if isinstance(step, Addition) and step.skip != place.skip:
            raise unexpected(step.operator, "it adds another point of the line")
        is_int8 = type(place.layer).__module__ == ToInt8.__module__
        if is_int8 != (bool(step.grids) or isinstance(step, Dequantize)):
            raise unexpected(step.operator, f"{'int8' if is_int8 else 'float'} expected here")
    if len(places) != len(steps):
        last = steps[min(len(places), len(steps)) - 1]
        raise unexpected(last.operator, f"{len(places)} layers expected, not {len(steps)}")


def _fill(chain: Chain, steps: list[Step]) -> None:
    """Copy the weights of all convolutions to the layers in their places."""
    layers = [place.layer for place in flow(chain) if isinstance(place.layer, _CONVOLUTIONS)]
    found = [step for step in steps if isinstance(step, Convolution)]
    for layer, step in zip(layers, found, strict=True):
        values = {"weight": step.weight, "bias": step.bias}
        if isinstance(layer, Int8Conv1d | Int8ConvTranspose1d):
            values["factors"] = step.factors()
        if isinstance(layer, Int8ConvTranspose1d) and step.tail_bias is not None:
            values["tail_bias"] = step.tail_bias
        _check_shape(layer, step)
        for name, value in values.items():
            _copy(getattr(layer, name), value, step)


def _check_shape(layer: nn.Module, step: Convolution) -> None:
    wanted: tuple[object, object] = (layer.stride, getattr(layer, "dilation", 1))
    if wanted != (step.stride, step.dilation) or hasattr(layer, "dilation") == step.transposed:
        raise unexpected(
            step.operator,
            f"stride and dilation {wanted} expected, not {(step.stride, step.dilation)}",
        )


def _copy(target: Tensor, value: FloatArray, step: Convolution) -> None:
    if tuple(target.shape) != value.shape or prod(value.shape) == 0:
        raise unexpected(step.operator, f"{tuple(target.shape)} expected, not {value.shape}")
    with torch.no_grad():
        target.copy_(torch.tensor(value))
