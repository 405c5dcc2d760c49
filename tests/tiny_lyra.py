"""A Lyra of a few hundred parameters, and TFLite files that hold it, written operator by operator.

The files have what google/lyra's have: states in variables, groups split and joined again,
values that change type before and after every state. TFLite itself runs them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audiocodec.families.lyra import Lyra, LyraConfig
from audiocodec.layers.causal import CausalConv1d, CausalConvTranspose1d
from audiocodec.layers.chain import Chain, Residual
from audiocodec.layers.int8 import (
    FromInt8,
    Grid,
    Int8Conv1d,
    Int8ConvTranspose1d,
    Int8LeakyReLU,
    Int8Residual,
    ToInt8,
)
from tests.tiny_tflite import INT8, INT32, NAMES, RESOURCE, Writer, model
from tests.tiny_tflite import OPERATORS as OPERATORS

TINY_LYRA = LyraConfig(
    patch_samples=4,
    stem_kernel=8,
    strides=(2, 2),
    encoder_channels=(8, 8, 16),
    decoder_channels=(8, 8, 16),
    dilations=(1, 3),
    block_groups=(1, 2),
    head_groups=2,
    latent_dim=8,
    levels=3,
    codebook_size=4,
    encoder_scales=tuple(n / 128 for n in (3, 2, 4, 5, 4, 6, 8, 6, 7, 9, 7, 10, 9, 12)),
    encoder_zeros=(3, -20, 5, 7, -30, 1, 4, -25, 6, 2, -18, 0, -40, 9),
    decoder_scales=tuple(n / 128 for n in (3, 6, 8, 5, 6, 8, 6, 5, 8, 5, 6, 9, 6, 8, 10, 9, 12)),
    decoder_zeros=(-30, 5, 7, -20, 3, 8, -15, 2, 6, -31, 4, 9, -12, 3, 5, -28, 1),
)
"""Hop 16 at 16 kHz, two columns a frame before the last stride, as the real one."""


def tiny_lyra(config: LyraConfig = TINY_LYRA) -> Lyra:
    """Return a network in evaluation mode with random weights, whole where they are int8."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        network = Lyra(config)
        for layer in network.modules():
            if isinstance(layer, Int8Conv1d | Int8ConvTranspose1d):
                layer.weight.random_(-127, 128)
                layer.bias.random_(-200, 200)
                layer.factors.uniform_(0.5, 1).mul_(0.01 / layer.weight[0].numel() ** 0.5)
                if isinstance(layer, Int8ConvTranspose1d):
                    scales = torch.tensor([grid.scale for grid in layer.targets])
                    layer.tail_bias[:] = (
                        layer.bias * layer.factors * scales.repeat_interleave(layer.weight.shape[1])
                    )
            elif isinstance(layer, CausalConv1d | CausalConvTranspose1d):
                assert layer.bias is not None
                layer.bias.normal_(std=0.1)
        network.quantizer.codebooks.normal_(std=0.15)
    return network.eval().requires_grad_(False)


class LayerWriter(Writer):
    """Writes the layers of a chain one after the other."""

    def layer(self, layer: torch.nn.Module, x: int) -> int:
        """Return what a layer makes of x."""
        match layer:
            case Chain():
                for inner in layer.layers:
                    x = self.layer(inner, x)
                return x
            case Residual():
                return self.add(self.layer(layer.body, x), x, None)
            case Int8Residual():
                return self.add(self.layer(layer.body, x), x, layer.target)
            case ToInt8():
                return self.unary("QUANTIZE", x, layer.target, {})
            case FromInt8():
                return self.unary("DEQUANTIZE", x, None, {})
            case Int8LeakyReLU():
                return self.unary("LEAKY_RELU", x, layer.target, {0: ("f", 0.3)})
            case CausalConv1d() | Int8Conv1d():
                return self.convolve(layer, x)
            case CausalConvTranspose1d() | Int8ConvTranspose1d():
                return self.convolve_transposed(layer, x)
            case _:
                return self.unary("LEAKY_RELU", x, None, {0: ("f", 0.3)})

    def behind_its_past(self, x: int, columns: int) -> int:
        """Return x after a state, which becomes the end of both."""
        grid = self.grids[x]
        handle, past = self.state(columns, self.shapes[x][3])
        real = x if grid is None else self.unary("DEQUANTIZE", x, None, {})
        both = self.join([past, real], 1)
        if grid is not None:
            both = self.unary("QUANTIZE", both, grid, {})
        end = self.cut(both, -columns, 0)
        if grid is not None:
            end = self.unary("DEQUANTIZE", end, None, {})
        self.operator("ASSIGN_VARIABLE", [handle, end], [])
        return both

    def weights(self, layer: Any, x: int, weight: NDArray[Any], axis: int) -> list[int]:
        """Return tensors of a weight and of the bias of a layer."""
        bias, grid = layer.bias.numpy(), self.grids[x]
        if grid is None:
            return [self.tensor(weight.shape, data=weight), self.tensor(bias.shape, data=bias)]
        scales = layer.factors.numpy() * layer.target.scale / grid.scale
        stored, whole = weight.astype(np.int8), bias.astype("<i4")
        bias_scales = scales * grid.scale
        return [
            self.tensor(weight.shape, INT8, data=stored, scales=scales, axis=axis),
            self.tensor(bias.shape, INT32, data=whole, scales=bias_scales),
        ]

    def convolve(self, layer: CausalConv1d | Int8Conv1d, x: int) -> int:
        if layer.past:
            x = self.behind_its_past(x, layer.past)
        depthwise = layer.groups == self.shapes[x][3] > 1
        weight = layer.weight.numpy().transpose(0, 2, 1)[:, :, None]
        if depthwise:
            weight = weight.transpose(3, 1, 2, 0)
        weight = np.ascontiguousarray(weight)
        columns = (self.shapes[x][1] - layer.past) // layer.stride
        y = self.tensor((1, columns, 1, len(layer.weight)), grid=getattr(layer, "target", None))
        one, options = ("i", 1), {0: ("b", 1), 1: ("i", 1), 2: ("i", layer.stride)}
        if depthwise:
            options |= {3: one, 5: one, 6: ("i", layer.dilation)}
        else:
            options |= {4: one, 5: ("i", layer.dilation)}
        name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        inputs = [x, *self.weights(layer, x, weight, 3 if depthwise else 0)]
        self.operator(name, inputs, [y], options)
        return y

    def convolve_transposed(
        self, layer: CausalConvTranspose1d | Int8ConvTranspose1d, x: int
    ) -> int:
        int8 = layer if isinstance(layer, Int8ConvTranspose1d) else None
        grids = [None] if int8 is None else list(int8.targets)
        parts, groups = [x], len(grids)
        _, columns, _, channels = self.shapes[x]
        if groups > 1:
            shape = (1, columns, 1, channels // groups)
            parts = [self.tensor(shape, grid=self.grids[x]) for _ in grids]
            axis = self.tensor((), INT32, data=np.array(-1, "<i4"))
            self.operator("SPLIT", [axis, x], parts, {0: ("i", groups)})
        tails = layer.bias if int8 is None else int8.tail_bias
        assert tails is not None and layer.bias is not None
        pieces = [
            self._piece(
                _Group(
                    weight=layer.weight.chunk(groups)[i],
                    bias=layer.bias.chunk(groups)[i],
                    stride=layer.stride,
                    target=grid,
                    factors=None if int8 is None else int8.factors.chunk(groups)[i],
                ),
                parts[i],
                tails.chunk(groups)[i].numpy(),
            )
            for i, grid in enumerate(grids)
        ]
        return pieces[0] if groups == 1 else self.join(pieces, 3)

    def _piece(self, group: "_Group", x: int, tail_bias: NDArray[Any]) -> int:
        _, out, kernel = group.weight.shape
        stride, ready = group.stride, self.shapes[x][1] * group.stride
        length = ready + kernel - stride
        weight = np.ascontiguousarray(group.weight.numpy().transpose(1, 2, 0)[:, :, None])
        tensors = self.weights(group, x, weight, 0)
        y = self.tensor((1, length, 1, out), grid=group.target)
        inputs = [self.integers(1, length, 1, out), tensors[0], x, tensors[1]]
        options = {0: ("b", 1), 1: ("i", 1), 2: ("i", stride)}
        handle, past = self.state(kernel - stride, out)
        self.operator("TRANSPOSE_CONV", inputs, [y], options)
        if group.target is not None:
            y = self.unary("DEQUANTIZE", y, None, {})
        zeros = self.tensor((1, ready, 1, out), data=np.zeros(ready * out, "<f4"))
        y = self.add(y, self.join([past, zeros], 1), None)
        end = self.cut(y, stride - kernel, 0)
        bias, tail = self.tensor((out,), data=tail_bias), self.tensor(self.shapes[end])
        self.operator("SUB", [end, bias], [tail])
        self.operator("ASSIGN_VARIABLE", [handle, tail], [])
        return self.cut(y, 0, ready)


@dataclass
class _Group:
    weight: torch.Tensor
    bias: torch.Tensor
    stride: int
    target: Grid | None
    factors: torch.Tensor | None


def network_file(chain: Chain, shape: tuple[int, ...], result: tuple[int, ...]) -> bytes:
    """Return a file that runs a chain on one frame of `shape`, reshaped to and from columns."""
    writer = LayerWriter()
    x = writer.tensor(shape)
    columns, channels = (shape[-1], 1) if len(shape) == 2 else (1, shape[-1])
    inside = writer.tensor((1, columns, 1, channels))
    writer.operator("CALL_ONCE", [], [], {0: ("i", 1)})
    writer.operator("RESHAPE", [x, writer.integers(*writer.shapes[inside])], [inside])
    y = writer.layer(chain, inside)
    out = writer.tensor(result)
    writer.operator("RESHAPE", [y, writer.integers(*result)], [out])
    start = Writer(buffers=writer.buffers)
    for name, size in writer.states:
        handle = start.tensor((), RESOURCE)
        start.operator("VAR_HANDLE", [], [handle], {1: name})
        read = next(i for i in range(len(writer.shapes)) if _is_state(writer, name, i))
        zeros = start.tensor(writer.shapes[read], data=np.zeros(size, "<f4"))
        start.operator("ASSIGN_VARIABLE", [handle, zeros], [])
    return model({"serving_default": writer.graph([x], [out])}, writer.buffers, start.graph([], []))


def _is_state(writer: Writer, name: str, number: int) -> bool:
    """Tell whether a tensor is what is read from the variable `name`."""
    order = int(name.removeprefix("state"))
    reads = [op for op in writer.operators if op.fields[0] == ("I", NAMES.index("READ_VARIABLE"))]
    return int(reads[order].fields[2][0]) == number


def quantizer_file(codebooks: NDArray[Any], *, looked_up: NDArray[Any] | None = None) -> bytes:
    """Return a file with the operators from which the codebooks are read, of both directions."""
    encode = Writer()
    size, dim = codebooks.shape[1:]
    x, wanted = encode.tensor((1, 1, dim)), encode.tensor((), INT32)
    parts = []
    for book in codebooks:
        constant = encode.tensor((1, size, dim), data=np.ascontiguousarray(book))
        names = ["SQUARED_DIFFERENCE", "SUM", "ARG_MIN", "ONE_HOT", "RESHAPE", "MUL"]
        y = x
        for name, other in zip(names, [constant] + [encode.integers(-1)] * 5, strict=True):
            z = encode.tensor((1, size))
            encode.operator(name, [y, other], [z])
            y = z
        parts.append(y)
    packed = encode.tensor((len(parts), 1, 1), INT32)
    encode.operator("PACK", parts, [packed])
    decode = Writer(buffers=encode.buffers)
    indices, out = decode.tensor((len(parts), 1, 1), INT32), decode.tensor((1, 1, dim))
    for level, book in reversed(list(enumerate(codebooks if looked_up is None else looked_up))):
        index = decode.tensor((1, 1), INT32)
        decode.operator("STRIDED_SLICE", [indices, decode.integers(level, 0, 0)], [index])
        constant = decode.tensor((size, dim), data=np.ascontiguousarray(book))
        decode.operator("GATHER", [constant, index], [out])
    graphs = {
        "decode": decode.graph([indices], [out]),
        "encode": encode.graph([x, wanted], [packed]),
    }
    return model(graphs, encode.buffers)


def tiny_files(network: Lyra) -> tuple[bytes, bytes, bytes]:
    """Return encoder, quantizer and decoder of a network as three files."""
    dim, hop = network.config.latent_dim, network.spec.hop_samples
    return (
        network_file(network.encoder, (1, hop), (1, 1, dim)),
        quantizer_file(network.quantizer.codebooks.numpy()),
        network_file(network.decoder, (1, 1, dim), (1, hop)),
    )
