"""From floating point to the whole numbers that every machine computes alike."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from audiocodec.bitstream.context import HIGHEST

from .fit import LevelModel, Shape, Sight

_WEIGHT = 127
_OCTAVE = 64  # scores are in 64ths of a power of two
_CLIPPED = 0.9995  # so much of what a unit gives is within its range


@dataclass(frozen=True, slots=True)
class Vectors:
    """What codes stand for: whole float [K, N, P], int64 gains [K] in the sum, its shift."""

    vectors: Tensor
    gains: Tensor
    sum_shift: int


def whole_vectors(codebooks: Tensor, chunks: Tensor, shape: Shape) -> Vectors:
    """Return the codebooks [K, N, D] in the P directions in which their sums vary most."""
    some = chunks[:400]
    latents = torch.stack([book[some[:, k]] for k, book in enumerate(codebooks)]).sum(0)
    _, _, directions = torch.pca_lowrank(latents.flatten(0, 1), q=shape.dim, niter=8)
    turned = codebooks @ directions
    scales = turned.abs().amax(dim=(1, 2)) / _WEIGHT
    gains = (scales / scales.min() * 16).round().long()
    vectors = (turned / scales[:, None, None]).round()
    parts = [vectors[k][some[:, k]].long() * gain for k, gain in enumerate(gains)]
    total = torch.stack(parts).sum(0)
    most = total.abs().flatten()[::17].float().quantile(_CLIPPED).item()
    return Vectors(vectors, gains, max(0, math.ceil(math.log2(most / HIGHEST))))


@dataclass(frozen=True, slots=True)
class WholeLevel:
    """Weights, biases and shifts by the name of their layer: whole numbers in float64."""

    weights: dict[str, Tensor]
    biases: dict[str, Tensor]
    shifts: dict[str, Tensor]


@torch.no_grad()
def round_level(model: LevelModel, sight: Sight) -> WholeLevel:
    """Return the network in whole numbers; some of `sight` tells the range of every unit.

    Each layer may scale its units as it likes, because the next one takes it back.
    """
    some = torch.arange(0, len(sight.codes), max(1, len(sight.codes) // 60))
    inputs = sight.inputs(some, model.shape)
    weight = model.first.weight.double() / model.units
    bias = (model.first.bias + model.by_pass).double()
    hidden = model.hidden(inputs).flatten(0, 1).double()
    first = _round_layer(weight, bias, _ranges(hidden))
    middle = model.second(hidden.float()).double()
    weight = model.second.weight.double() / first.scale
    second = _round_layer(weight, model.second.bias.double(), _ranges(middle))
    scores = model.scores.double() / second.scale * _OCTAVE / math.log(2)
    shift = max(0, math.floor(math.log2(_WEIGHT / scores.abs().max().item())))
    factor = 2.0**shift
    whole = (scores * factor).round().clamp(-_WEIGHT, _WEIGHT)
    bias = model.bias.double() * _OCTAVE / math.log(2)
    bias = (bias - bias.mean()) * factor + factor / 2
    count = torch.full((len(scores),), shift)
    return WholeLevel(
        {
            "first": first.weight,
            "second": second.weight,
            "scores": whole,
        },
        {"first": first.bias, "second": second.bias, "scores": bias.round()},
        {"first": first.shift, "second": second.shift, "scores": count},
    )


@dataclass(frozen=True, slots=True)
class _Rounded:
    weight: Tensor
    bias: Tensor
    shift: Tensor
    scale: Tensor


def _round_layer(weight: Tensor, bias: Tensor, ranges: Tensor) -> _Rounded:
    """Return whole weights [O, I] whose sums, shifted right, use the range of a unit."""
    fine = _WEIGHT / weight.abs().amax(dim=1).clamp(min=1e-9)
    shift = (fine * ranges / HIGHEST).log2().ceil().clamp(0, 20)
    # As much of the range as a shift by whole bits allows.
    fine = torch.minimum(fine, HIGHEST * 2**shift / ranges)
    rounded = (bias * fine + 2 ** (shift - 1)).round()  # half a step: shifting rounds down
    return _Rounded((weight * fine[:, None]).round(), rounded, shift, fine / 2**shift)


def _ranges(units: Tensor) -> Tensor:
    """Return what each unit [n, O] rarely exceeds."""
    most = units.abs().quantile(_CLIPPED, dim=0)
    return most.clamp(min=1e-3 * most.max().item())
