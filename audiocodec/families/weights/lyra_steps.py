"""The line of layers that a converter finds in a graph of Lyra, as steps with their weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import UnknownModel
from audiocodec.layers.int8 import Grid

from .tflite import Operator

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """One convolution, all its groups together; int8 values are whole numbers in float32.

    weight: [O, I / groups, k], of a transposed one [I, O / groups, k].
    scales [O]: of int8 weights, none where they are float. source: grid of an int8 input.
    grids: of an int8 output, of a transposed one for every group.
    past: columns of earlier input that it sees, of a transposed one of output.
    tail_bias [O]: what a transposed one takes off the state that it leaves.
    """

    operator: Operator
    weight: FloatArray
    bias: FloatArray
    stride: int
    past: int
    dilation: int = 1
    groups: int = 1
    transposed: bool = False
    scales: FloatArray | None = None
    source: Grid | None = None
    grids: tuple[Grid, ...] = ()
    tail_bias: FloatArray | None = None

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return len(self.weight) if self.transposed else self.weight.shape[1] * self.groups

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return len(self.bias)

    def factors(self) -> FloatArray:
        """Return what takes sums of whole numbers to the grids, [O], rounded as the kernels do."""
        if self.scales is None or self.source is None:
            raise UnknownModel(f"{self.operator} is not in int8")
        targets = np.array([grid.scale for grid in self.grids], np.float32)
        each = len(self.scales) // len(targets)
        with np.errstate(all="ignore"):
            factors = np.float32(self.source.scale) * self.scales / np.repeat(targets, each)
        if not np.isfinite(factors).all():
            raise unexpected(self.operator, "its scales are absurd")
        return np.asarray(factors, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A leaky ReLU; grids: where an int8 one ends."""

    operator: Operator
    negative_slope: float
    grids: tuple[Grid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """The line plus what it was after `skip` steps."""

    operator: Operator
    skip: int
    grids: tuple[Grid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantize:
    """Float to int8."""

    operator: Operator
    grids: tuple[Grid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dequantize:
    """Int8 to float."""

    operator: Operator
    grids: tuple[Grid, ...] = ()


Step = Convolution | Activation | Addition | Quantize | Dequantize


def unexpected(operator: Operator, reason: str) -> UnknownModel:
    """Return the error that names an operator."""
    return UnknownModel(f"{operator}: {reason}; this is not the model that the converter knows")
