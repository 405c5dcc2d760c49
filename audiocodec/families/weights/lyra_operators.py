"""Lyra's graphs to steps, one function for each operator that may be in them.

A graph is made for one frame, with the past in variables: a convolution sees a state before its
input, and the end of both is the next state. This plumbing, reshapes, splits of channels and
changes of type that change nothing are followed but make no step. What is left must be one line
of layers, with additions that reach back; anything else is an error that names the operator.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from audiocodec.errors import UnknownModel

from .lyra_line import Line, Value, input_of
from .lyra_steps import Activation, Addition, Convolution, FloatArray, Quantize, Step, unexpected
from .tflite import INT8, Graph, Operator

_VALID, _TIME = 1, 1  # a padding; the axis of time in [1, T, 1, C]
_OTHER_OUTPUTS = {"ASSIGN_VARIABLE", "CALL_ONCE", "SPLIT"}  # none, or several


def read_steps(graph: Graph) -> list[Step]:
    """Return the steps from a graph's input to its output. Raises UnknownModel."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or not graph.operators:
        raise UnknownModel("a graph with one input and one output expected")
    line = Line(graph)
    line.values[graph.inputs[0]] = Value(kind="line")
    for operator in graph.operators:
        read = _READERS.get(operator.name)
        if read is None:
            raise unexpected(operator, "no such operator is expected")
        if operator.name not in _OTHER_OUTPUTS and len(operator.outputs) != 1:
            raise unexpected(operator, f"one output expected, not {len(operator.outputs)}")
        read(line, operator)
    last = graph.operators[-1]
    if last.outputs != graph.outputs:
        raise unexpected(last, "it does not make the output of the graph")
    line.end(replace(last, inputs=last.outputs))
    return line.steps


def _plumbing(line: Line, operator: Operator) -> None:
    """Nothing to note: variables are checked where they are read and written."""


def _assign_variable(line: Line, operator: Operator) -> None:
    if line.value(operator, 1).kind != "state":
        raise unexpected(operator, "the end of a layer's input or output expected")


def _read_variable(line: Line, operator: Operator) -> None:
    shape = line.graph.tensor(operator.outputs[0]).shape
    line.hold(operator, Value(kind="state", past=shape[_TIME] if len(shape) == 4 else 0))


def _same(line: Line, operator: Operator) -> None:
    line.hold(operator, line.value(operator))


def _strided_slice(line: Line, operator: Operator) -> None:
    """Cut off the end, which will be a state, or the beginning, which is complete."""
    value = line.value(operator)
    begin = line.constant(operator, 1).array()
    if begin.shape != (4,) or begin[[0, 2, 3]].any():
        raise unexpected(operator, "a cut in time expected")
    from_end = begin[_TIME] < 0
    line.hold(operator, replace(value, kind="state") if from_end else value)


def _subtract(line: Line, operator: Operator) -> None:
    """Take the bias off the state that a transposed convolution leaves."""
    value = line.value(operator)
    if value.kind != "state" or len(value.pieces) != 1:
        raise unexpected(operator, "only a bias is subtracted, from a state")
    bias = line.constant(operator, 1).array()
    if bias.shape != value.pieces[0].bias.shape:
        raise unexpected(operator, "what is subtracted is no bias of the layer")
    line.tail_biases[value.pieces[0].operator.position] = bias
    line.hold(operator, replace(value, pieces=()))


def _split(line: Line, operator: Operator) -> None:
    value = line.end(operator, 1)
    for part, output in enumerate(operator.outputs):
        line.values[output] = replace(value, part=part, parts=len(operator.outputs))


def _concatenate(line: Line, operator: Operator) -> None:
    """Put a state before the line, or the groups of a transposed convolution side by side."""
    plain(operator, fused=1)
    values = [line.values.get(number) for number in operator.inputs]
    if operator.option(0) == _TIME and len(values) == 2:
        state, after = line.value(operator), values[1]
        if state.kind == "state" and after is not None and after.kind == "line":
            return line.hold(operator, replace(after, past=state.past))
        if state.kind == "state" and not line.constant(operator, 1).array().any():
            return line.hold(operator, state)
    pieces = tuple(value for value in values if value is not None and value.kind == "piece")
    if operator.option(0) in (-1, 3) and len(pieces) == len(values):
        return line.hold(operator, line.join(operator, pieces))
    raise unexpected(operator, "a state before the line, or groups side by side, expected")


def _quantize(line: Line, operator: Operator) -> None:
    value, grids = line.value(operator), line.grids(operator, operator.outputs[0])
    if value.real and grids == (value.grid,):
        return line.hold(operator, replace(value, real=False))
    line.end(operator)
    line.add(Quantize(operator=operator, grids=grids))


def _dequantize(line: Line, operator: Operator) -> None:
    line.hold(operator, replace(line.value(operator), real=True))


def _leaky_relu(line: Line, operator: Operator) -> None:
    line.end(operator)
    slope = 0.0 if operator.options is None else float(operator.options.scalar(0, "f"))
    grids = line.grids(operator, operator.outputs[0])
    line.add(Activation(operator=operator, negative_slope=slope, grids=grids))


def _add(line: Line, operator: Operator) -> None:
    """Add the line to what it was, or a state to the outputs of a transposed convolution."""
    plain(operator, fused=0)
    value, other = line.value(operator), line.value(operator, 1)
    if value.kind == "piece" and other.kind == "state":
        return line.hold(operator, replace(value, past=other.past))
    line.end(operator)
    grids = line.grids(operator, operator.outputs[0])
    if other.kind != "line" or other.real or bool(grids) != (other.grid is not None):
        raise unexpected(operator, "an earlier point of the line, of the same type, expected")
    line.add(Addition(operator=operator, skip=other.step, grids=grids))


def _convolve(line: Line, operator: Operator) -> None:
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    plain(operator, fused=4 if depthwise else 3, padding=True)
    value = line.end(operator)
    weight = line.constant(operator, 1).array()
    if weight.ndim != 4 or weight.shape[2] != 1:
        raise unexpected(operator, f"weights of shape {weight.shape} are not of one dimension")
    weight = weight.transpose(3, 0, 2, 1)[:, :, 0] if depthwise else weight[:, :, 0].swapaxes(1, 2)
    channels = (0, *line.graph.tensor(operator.inputs[0]).shape)[-1]
    step = Convolution(
        operator=operator,
        weight=np.ascontiguousarray(weight, np.float32),
        bias=_bias(line, operator, 2, len(weight)),
        stride=operator.option(2),
        past=value.past,
        dilation=operator.option(6 if depthwise else 5, 1),
        groups=channels // max(1, weight.shape[1]),
        scales=_scales(line, operator, len(weight), axis=3 if depthwise else 0),
        source=value.grid,
        grids=line.grids(operator, operator.outputs[0]),
    )
    if step.in_channels != channels:
        raise unexpected(operator, f"{channels} channels are no multiple of {weight.shape[1]}")
    reach = (weight.shape[2] - 1) * step.dilation + 1
    if step.past != reach - step.stride:
        raise unexpected(operator, f"{step.past} columns of past, {reach - step.stride} expected")
    line.add(_exact(step))


def _convolve_transposed(line: Line, operator: Operator) -> None:
    plain(operator, fused=3, padding=True)
    value = line.end(operator, 2)
    weight = line.constant(operator, 1).array()
    if weight.ndim != 4 or weight.shape[2] != 1:
        raise unexpected(operator, f"weights of shape {weight.shape} are not of one dimension")
    step = Convolution(
        operator=operator,
        weight=np.ascontiguousarray(weight[:, :, 0].transpose(2, 0, 1), np.float32),
        bias=_bias(line, operator, 3, len(weight)),
        stride=operator.option(2),
        past=weight.shape[1] - operator.option(2),
        transposed=True,
        scales=_scales(line, operator, len(weight), axis=0),
        source=value.grid,
        grids=line.grids(operator, operator.outputs[0]),
    )
    pieces = (_exact(step),)
    line.hold(operator, Value(kind="piece", part=value.part, parts=value.parts, pieces=pieces))


def _bias(line: Line, operator: Operator, index: int, channels: int) -> FloatArray:
    bias = line.constant(operator, index).array()
    if bias.shape != (channels,):
        raise unexpected(operator, f"a bias of shape {bias.shape} for {channels} channels")
    return bias.astype(np.float32)


def _scales(line: Line, operator: Operator, channels: int, *, axis: int) -> FloatArray | None:
    """Return the scales of int8 weights, one a channel; none for float ones."""
    tensor = line.constant(operator, 1)
    if tensor.type != INT8:
        return None
    count = len(tensor.scales)
    if count not in (1, channels) or (count > 1 and tensor.axis != axis) or tensor.zeros.any():
        raise unexpected(operator, "int8 weights with a scale for every channel expected")
    return np.broadcast_to(tensor.scales, (channels,)).astype(np.float32)


def _exact(step: Convolution) -> Convolution:
    """Return a step whose types fit together and whose int8 sums float32 holds exactly."""
    if len({step.scales is None, step.source is None, not step.grids}) != 1:
        raise unexpected(step.operator, "input, weights and output are int8 all or none")
    if step.scales is not None:
        sums = np.abs(step.weight).sum(axis=(0, 2) if step.transposed else (1, 2))
        if (255 * sums + np.abs(step.bias)).max() >= 1 << 24:
            raise unexpected(step.operator, "its sums do not fit into 24 bits")
    return step


def plain(operator: Operator, *, fused: int, padding: bool = False) -> None:
    """Raise UnknownModel for a fused activation and, of a convolution, padding by zeros."""
    input_of(operator, 0)
    if operator.option(fused, kind="b"):
        raise unexpected(operator, "no fused activation expected")
    if padding and operator.option(0, kind="b") != _VALID:
        raise unexpected(operator, "no padding expected")


_READERS: dict[str, Callable[[Line, Operator], None]] = {
    "ADD": _add,
    "ASSIGN_VARIABLE": _assign_variable,
    "CALL_ONCE": _plumbing,
    "CONCATENATION": _concatenate,
    "CONV_2D": _convolve,
    "DEPTHWISE_CONV_2D": _convolve,
    "DEQUANTIZE": _dequantize,
    "LEAKY_RELU": _leaky_relu,
    "QUANTIZE": _quantize,
    "READ_VARIABLE": _read_variable,
    "RESHAPE": _same,
    "SPLIT": _split,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _subtract,
    "TRANSPOSE_CONV": _convolve_transposed,
    "VAR_HANDLE": _plumbing,
}
