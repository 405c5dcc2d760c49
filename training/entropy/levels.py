"""All levels, coarse to fine: from the codes of a corpus to the arrays of a file of tables."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodec.bitstream.chances import MOST_WEIGHT
from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError

from .carry_over import carry_over
from .fit import LevelModel, Shape, Sight, sum_inputs, train_level, units_of
from .integers import WholeLevel, round_level, whole_vectors

Arrays = dict[str, NDArray[Any]]
_LOWEST = 1 << 10  # scores beyond so many 64ths of a power of two below the best are alike


def static_arrays(chunks: Tensor, sizes: Sequence[int]) -> tuple[Arrays, dict[str, str]]:
    """Return how often each code was seen, and the facts that go with it."""
    arrays: Arrays = {}
    for level, size in enumerate(sizes):
        counts = torch.bincount(chunks[:, level].flatten(), minlength=size).double() + 0.5
        scaled = (counts / counts.max() * MOST_WEIGHT).ceil()
        arrays[f"counts.{level}"] = scaled.numpy().astype(np.int32)
    return arrays, {"kind": "static"}


def context_arrays(
    codec: Codec,
    chunks: Tensor,
    shape: Shape,
    *,
    seconds: float,
    say: Callable[[str], None],
) -> tuple[Arrays, dict[str, str]]:
    """Train a network for each level and return them in whole numbers, and the facts.

    seconds: CPU time for a level in the mean of 16 levels (`share_of`).
    """
    codebooks = _codebooks(codec)
    shape = replace(shape, dim=min(shape.dim, codebooks.shape[2]))
    torch.manual_seed(0)
    found = whole_vectors(codebooks, chunks, shape)
    sums = torch.zeros(len(chunks), chunks.shape[2], shape.dim, dtype=torch.int64)
    levels: list[WholeLevel] = []
    before: LevelModel | None = None
    nothing = (torch.zeros_like(chunks[:, 0]), torch.zeros_like(found.vectors[0]))
    below = (nothing,) * shape.previous
    for level, vectors in enumerate(found.vectors):
        own = chunks[:, level]
        sight = Sight(own, sum_inputs(sums, found.sum_shift), below, vectors)
        counts = torch.bincount(own.flatten(), minlength=len(vectors))
        model = LevelModel(shape, vectors, counts, units_of(sight, shape))
        if before is not None:
            carry_over(before, found.vectors[level - 1], model, vectors)
        before = model
        steps = train_level(model, sight, seconds=seconds * share_of(level))
        levels.append(round_level(model, sight))
        say(f"level {level + 1}: {steps} steps")
        sums += (vectors.long() * found.gains[level])[own]
        below = ((own, vectors), *below)[: shape.previous]
    powers = np.floor(MOST_WEIGHT * 2.0 ** (-np.arange(_LOWEST + 1) / 64) + 0.5)
    arrays: Arrays = {
        "vectors": found.vectors.numpy().astype(np.int8),
        "gains": found.gains.numpy().astype(np.int32),
        "powers": powers.astype(np.int32),
    }
    for name in ("first", "second", "scores"):
        arrays[f"{name}.weight"] = _stack([lv.weights[name] for lv in levels], np.int8)
        arrays[f"{name}.bias"] = _stack([lv.biases[name] for lv in levels], np.int32)
        arrays[f"{name}.shift"] = _stack([lv.shifts[name] for lv in levels], np.int8)
    facts = {
        "kind": "context",
        "sum_shift": str(found.sum_shift),
        "window": str(shape.window),
        "previous": str(shape.previous),
    }
    return arrays, facts


def share_of(level: int) -> float:
    """Return what of the mean time a level gets; the low ones have more to learn."""
    return max(0.75, 2.25 - 0.25 * level)


def _codebooks(codec: Codec) -> Tensor:
    quantizer = getattr(codec.network, "quantizer", None)
    codebooks = getattr(quantizer, "codebooks", None)
    if not isinstance(codebooks, Tensor) or getattr(quantizer, "groups", 1) != 1:
        raise AudioCodecError(
            "this model's codes are not a sum of one codebook's vectors a level; use --kind static"
        )
    return codebooks.detach().float()


def _stack(tensors: list[Tensor], kind: type[np.integer[Any]]) -> NDArray[Any]:
    return torch.stack(tensors).numpy().astype(kind)
