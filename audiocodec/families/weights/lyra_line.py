"""What the tensors of a graph of Lyra hold, while it is read operator by operator."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from audiocodec.layers.int8 import Grid

from .lyra_steps import Convolution, Dequantize, FloatArray, Step, unexpected
from .tflite import INT8, Graph, Operator, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What one tensor holds.

    kind: "line", the line of layers after `step` steps; "state", some of what a layer remembers;
        "piece", the outputs of some groups of a transposed convolution.
    grid: of its int8 numbers; real: which were made float again.
    past: columns of state, alone or before the line.
    part, parts: which slice of the channels this is, of how many equal ones.
    """

    kind: Literal["line", "state", "piece"]
    step: int = 0
    grid: Grid | None = None
    real: bool = False
    past: int = 0
    part: int = 0
    parts: int = 1
    pieces: tuple[Convolution, ...] = ()


@dataclass(slots=True)
class Line:
    """The steps so far, and what each tensor holds; tail_biases: of pieces, by operator."""

    graph: Graph
    steps: list[Step] = field(default_factory=list)
    values: dict[int, Value] = field(default_factory=dict)
    tail_biases: dict[int, FloatArray] = field(default_factory=dict)

    def value(self, operator: Operator, index: int = 0) -> Value:
        """Return what an input of an operator holds."""
        number = input_of(operator, index)
        if number not in self.values:
            raise unexpected(operator, f"its input {index} is not what any layer before it made")
        return self.values[number]

    def constant(self, operator: Operator, index: int) -> Tensor:
        """Return an input that must be a constant."""
        tensor = self.graph.tensor(input_of(operator, index))
        if not tensor.is_constant:
            raise unexpected(operator, f"its input {index} is no constant")
        return tensor

    def grids(self, operator: Operator, number: int) -> tuple[Grid, ...]:
        """Return the grid of an int8 tensor, none for a float one."""
        tensor = self.graph.tensor(number)
        if tensor.type != INT8:
            return ()
        if len(tensor.scales) != 1 or len(tensor.zeros) != 1:
            raise unexpected(operator, f"tensor {number} has no single scale and zero point")
        return (Grid(float(tensor.scales[0]), int(tensor.zeros[0])),)

    def hold(self, operator: Operator, value: Value) -> None:
        """Say what the only output of an operator holds."""
        self.values[operator.outputs[0]] = value

    def add(self, step: Step) -> None:
        """Append a step that ends in the output of its operator."""
        self.steps.append(step)
        grid = step.grids[0] if step.grids else None
        self.hold(step.operator, Value(kind="line", step=len(self.steps), grid=grid))

    def end(self, operator: Operator, index: int = 0) -> Value:
        """Return an input that must be the end of the line, int8 or float as its tensor is."""
        number, value = input_of(operator, index), self.value(operator, index)
        if value.kind == "piece":
            self.values[number] = value = self.join(operator, (value,))
        if value.kind != "line" or value.step != len(self.steps):
            raise unexpected(operator, "it does not go on from the layer before it")
        if not value.real:
            return value
        self.steps.append(Dequantize(operator=operator))
        value = replace(value, step=len(self.steps), grid=None, real=False)
        self.values[number] = value
        return value

    def join(self, operator: Operator, values: tuple[Value, ...]) -> Value:
        """Make one step of the groups of a transposed convolution."""
        parts = [part for value in values for part in value.pieces]
        order = [(value.part, value.parts) for value in values]
        if order != [(i, len(values)) for i in range(len(values))]:
            raise unexpected(operator, "groups of a transposed convolution lack or are mixed up")
        if any(value.past != part.past for value, part in zip(values, parts, strict=True)):
            raise unexpected(operator, "the state of a transposed convolution is no tail of it")
        tails = [self.tail_biases.get(part.operator.position) for part in parts]
        if any(tail is None for tail in tails):
            raise unexpected(operator, "the state of a transposed convolution keeps its bias")
        first = parts[0]
        scales = [part.scales for part in parts if part.scales is not None]
        whole = replace(
            first,
            weight=np.concatenate([part.weight for part in parts]),
            bias=np.concatenate([part.bias for part in parts]),
            groups=len(parts),
            scales=np.concatenate(scales) if scales else None,
            grids=tuple(grid for part in parts for grid in part.grids),
            tail_bias=np.concatenate([tail for tail in tails if tail is not None]),
        )
        self.steps.append(whole)
        return Value(kind="line", step=len(self.steps))


def input_of(operator: Operator, index: int) -> int:
    """Return the number of an input of an operator that has so many."""
    if index >= len(operator.inputs):
        raise unexpected(operator, f"{index + 1} inputs expected, not {len(operator.inputs)}")
    return operator.inputs[index]
