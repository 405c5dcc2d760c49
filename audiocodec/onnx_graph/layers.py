"""Every kind of layer of the SoundStream family as nodes; the layers' modules say what they do."""

import numpy as np
from torch import nn

from audiocodec.layers.activation import Activation
from audiocodec.layers.causal import CausalConv1d, CausalConvTranspose1d
from audiocodec.layers.chain import Chain, Residual
from audiocodec.layers.spectrum import (
    COMPRESSION,
    FLOOR,
    SpectrumHead,
    SpectrumStem,
    fourier_basis,
)

from .graph import Graph, Value


def add_layer(graph: Graph, layer: nn.Module, x: Value) -> Value:
    """Return the output of a layer for x [R, C, T]. Raises TypeError for an unknown layer."""
    match layer:
        case Chain():
            for part in layer.layers:
                x = add_layer(graph, part, x)
            return x
        case Residual():
            return Value(graph.add("Add", x.name, add_layer(graph, layer.body, x).name), x.channels)
        case Activation():
            return Value(_activation(graph, layer, x.name), x.channels)
        case CausalConv1d():
            return _convolution(graph, layer, x)
        case CausalConvTranspose1d():
            return _transposed(graph, layer, x)
        case SpectrumStem():
            return _stem(graph, layer, x)
        case SpectrumHead():
            return _head(graph, layer, x)
    raise TypeError(f"no nodes are known for {type(layer).__name__}")


def _activation(graph: Graph, layer: Activation, x: str) -> str:
    match layer.name:
        case "elu":
            return graph.add("Elu", x)
        case "leaky_relu":
            return graph.add("LeakyRelu", x, alpha=layer.negative_slope)
    raise TypeError(f"no nodes are known for the activation {layer.name}")


def _convolution(graph: Graph, layer: CausalConv1d, x: Value) -> Value:
    before = 0 if graph.streaming else layer.past
    weights = [graph.constant(layer.weight)]
    if layer.bias is not None:
        weights.append(graph.constant(layer.bias))
    y = graph.add(
        "Conv",
        graph.with_past(x, layer.past),
        *weights,
        kernel_shape=[layer.weight.shape[2]],
        strides=[layer.stride],
        dilations=[layer.dilation],
        group=layer.groups,
        pads=[before, 0],
    )
    return Value(y, layer.weight.shape[0])


def _transposed(graph: Graph, layer: CausalConvTranspose1d, x: Value) -> Value:
    weights = [graph.constant(layer.weight)]
    if layer.bias is not None:
        weights.append(graph.constant(layer.bias))
    return Value(
        _transpose(graph, x, weights, stride=layer.stride, past=layer.past, groups=layer.groups),
        layer.weight.shape[1] * layer.groups,
    )


def _transpose(
    graph: Graph, x: Value, weights: list[str], *, stride: int, past: int, groups: int = 1
) -> str:
    """Return the transposed convolution without what is still open, nor what is past."""
    behind = past * stride
    return graph.add(
        "ConvTranspose",
        graph.with_past(x, past),
        *weights,
        kernel_shape=[(past + 1) * stride],
        strides=[stride],
        group=groups,
        pads=[behind if graph.streaming else 0, behind],
    )


def _stem(graph: Graph, layer: SpectrumStem, x: Value) -> Value:
    hop = layer.hop_samples
    basis = fourier_basis(hop, layer.project.weight.device) * (1 / hop)
    spectrum = graph.add(
        "Conv",
        graph.with_past(x, hop),
        graph.constant(basis),
        kernel_shape=[2 * hop],
        strides=[hop],
        pads=[0 if graph.streaming else hop, 0],
    )
    real, imaginary = _slices(graph, spectrum, 2, hop + 1)
    log_power = graph.add("Log", graph.add("Add", _power(graph, real, imaginary), _floor(graph)))
    exponent = graph.add("Mul", log_power, graph.number((COMPRESSION - 1) / 2))
    compress = graph.add("Exp", exponent)
    raised = graph.add("Add", log_power, graph.number(14))
    parts = [
        graph.add("Mul", real, compress),
        graph.add("Mul", imaginary, compress),
        graph.add("Mul", raised, graph.number(0.1)),
    ]
    features = Value(graph.add("Concat", *parts, axis=1), 3 * (hop + 1))
    return _convolution(graph, layer.project, features)


def _head(graph: Graph, layer: SpectrumHead, x: Value) -> Value:
    hop = layer.hop_samples
    numbers = _convolution(graph, layer.project, x).name
    loudness, real, imaginary = _slices(graph, numbers, 3, hop + 1)
    fall = graph.add("Min", graph.add("Sub", graph.number(4.7), loudness), graph.number(40.0))
    rise = graph.add("Add", graph.add("Exp", fall), graph.number(1.0))
    magnitude = graph.add("Div", graph.number(2.0 * hop), rise)
    power = graph.add("Add", _power(graph, real, imaginary), _floor(graph))
    unit = graph.add("Div", magnitude, graph.add("Sqrt", power))
    edge = np.ones((1, hop + 1, 1), np.float32)
    edge[:, [0, -1]] = 0.5
    unit = graph.add("Mul", unit, graph.constant(edge))
    parts = [graph.add("Mul", part, unit) for part in (real, imaginary)]
    spectrum = Value(graph.add("Concat", *parts, axis=1), 2 * (hop + 1))
    basis = fourier_basis(hop, layer.project.weight.device) * (1 / hop)
    return Value(_transpose(graph, spectrum, [graph.constant(basis)], stride=hop, past=1), 1)


def _slices(graph: Graph, x: str, count: int, channels: int) -> list[str]:
    """Return x [R, count channels, F] in equal slices of channels."""
    sizes = graph.whole(*[channels] * count)
    return graph.split("Split", x, sizes, count=count, axis=1)


def _power(graph: Graph, real: str, imaginary: str) -> str:
    squares = [graph.add("Mul", part, part) for part in (real, imaginary)]
    return graph.add("Add", *squares)


def _floor(graph: Graph) -> str:
    return graph.number(FLOOR)
