"""A Lyra of a few hundred parameters, and TFLite files that hold it, written operator by operator.

The files have what google/lyra's have: states in variables, groups split and joined again,
values that change type before and after every state. TFLite itself runs them.
"""

import struct
from dataclasses import dataclass, field
from itertools import count
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

FLOAT, INT32, INT8, RESOURCE = 0, 2, 9, 13
# name -> code of the operator, kind of its options
OPERATORS = {
    "ADD": (0, 11), "CONCATENATION": (2, 10), "CONV_2D": (3, 1), "DEPTHWISE_CONV_2D": (4, 2),
    "DEQUANTIZE": (6, 0), "MUL": (18, 0), "RESHAPE": (22, 0), "GATHER": (36, 0), "SUB": (41, 28),
    "STRIDED_SLICE": (45, 32), "SPLIT": (49, 35), "TRANSPOSE_CONV": (67, 49), "SUM": (74, 0),
    "ARG_MIN": (79, 0), "PACK": (83, 0), "ONE_HOT": (85, 0), "LEAKY_RELU": (98, 75),
    "SQUARED_DIFFERENCE": (99, 0), "QUANTIZE": (114, 0), "CALL_ONCE": (129, 103),
    "VAR_HANDLE": (142, 111), "READ_VARIABLE": (143, 112), "ASSIGN_VARIABLE": (144, 113),
    "FLOOR": (8, 0),
}  # fmt: skip
NAMES = list(OPERATORS)

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


@dataclass(frozen=True)
class Table:
    """Fields by slot: numbers with their kind, tables, lists of tables, strings, arrays."""

    fields: dict[int, Any]


def flatbuffer(root: Table, identifier: bytes) -> bytes:
    """Write tables before what they refer to, each with a vtable of its own."""
    data = bytearray(struct.pack("<I", 0) + identifier)
    struct.pack_into("<I", data, 0, _table(data, root))
    return bytes(data)


def _table(data: bytearray, table: Table) -> int:
    slots = max(table.fields, default=-1) + 1
    places = {slot: 4 + 4 * i for i, slot in enumerate(sorted(table.fields))}
    data += bytes(-len(data) % 4)
    vtable = len(data)
    sizes = [4 + 2 * slots, 4 + 4 * len(places), *(places.get(slot, 0) for slot in range(slots))]
    data += struct.pack(f"<{len(sizes)}H", *sizes)
    data += bytes(-len(data) % 4)
    begin = len(data)
    data += struct.pack("<i", begin - vtable) + bytes(4 * len(places))
    for slot, value in table.fields.items():
        place = begin + places[slot]
        if isinstance(value, tuple):
            kind, number = value
            struct.pack_into(f"<{kind}", data, place, number)
        else:
            struct.pack_into("<I", data, place, _child(data, value) - place)
    return begin


def _child(data: bytearray, value: Any) -> int:
    if isinstance(value, Table):
        return _table(data, value)
    if isinstance(value, list):
        data += bytes(-len(data) % 4)
        begin = len(data)
        data += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for i, table in enumerate(value):
            place = begin + 4 + 4 * i
            struct.pack_into("<I", data, place, _table(data, table) - place)
        return begin
    array = np.frombuffer(value.encode(), np.uint8) if isinstance(value, str) else value
    data += bytes(-(len(data) + 4) % 16)  # kernels want their constants aligned
    begin = len(data)
    data += struct.pack("<I", array.size) + array.tobytes() + b"\0"
    return begin


@dataclass
class Writer:
    """One subgraph under construction; x is the number of a tensor."""

    buffers: list[Table] = field(default_factory=lambda: [Table({})])
    tensors: list[Table] = field(default_factory=list)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    grids: list[Grid | None] = field(default_factory=list)
    operators: list[Table] = field(default_factory=list)
    states: list[tuple[str, int]] = field(default_factory=list)
    names: "count[int]" = field(default_factory=count)

    def tensor(
        self,
        shape: tuple[int, ...],
        kind: int = FLOAT,
        *,
        data: NDArray[Any] | None = None,
        grid: Grid | None = None,
        scales: NDArray[Any] | None = None,
        axis: int = 0,
    ) -> int:
        buffer = 0
        if data is not None:
            self.buffers.append(Table({0: np.frombuffer(data.tobytes(), np.uint8)}))
            buffer = len(self.buffers) - 1
        fields: dict[int, Any] = {
            0: np.array(shape, "<i4"),
            1: ("b", INT8 if grid else kind),
            2: ("I", buffer),
            3: f"t{len(self.tensors)}",
        }
        if grid:
            scales = np.array([grid.scale])
        if scales is not None:
            zeros = np.array([grid.zero] if grid else [0] * len(scales), "<i8")
            fields[4] = Table({2: scales.astype("<f4"), 3: zeros, 6: ("i", axis)})
        self.tensors.append(Table(fields))
        self.shapes.append(shape)
        self.grids.append(grid)
        return len(self.tensors) - 1

    def integers(self, *numbers: int) -> int:
        return self.tensor((len(numbers),), INT32, data=np.array(numbers, "<i4"))

    def operator(
        self,
        name: str,
        inputs: list[int],
        outputs: list[int],
        options: dict[int, Any] | None = None,
    ) -> None:
        fields: dict[int, Any] = {
            0: ("I", NAMES.index(name)),
            1: np.array(inputs, "<i4"),
            2: np.array(outputs, "<i4"),
        }
        if OPERATORS[name][1]:
            fields |= {3: ("B", OPERATORS[name][1]), 4: Table(options or {})}
        self.operators.append(Table(fields))

    def unary(self, name: str, x: int, grid: Grid | None, options: dict[int, Any]) -> int:
        y = self.tensor(self.shapes[x], grid=grid)
        self.operator(name, [x], [y], options)
        return y

    def state(self, columns: int, channels: int) -> tuple[int, int]:
        """Return handle and value of a new variable."""
        handle = self.tensor((), RESOURCE)
        name = f"state{len(self.states)}"
        self.states.append((name, columns * channels))
        self.operator("VAR_HANDLE", [], [handle], {1: name})
        value = self.tensor((1, columns, 1, channels))
        self.operator("READ_VARIABLE", [handle], [value])
        return handle, value

    def cut(self, x: int, begin: int, end: int) -> int:
        """Return x [1, T, 1, C] from begin to end; a negative begin counts from the end."""
        _, columns, _, channels = self.shapes[x]
        length = -begin if begin < 0 else end - begin
        y = self.tensor((1, length, 1, channels), grid=self.grids[x])
        stop = 0 if begin < 0 else end
        places = [self.integers(0, begin, 0, 0), self.integers(0, stop, 0, channels)]
        masks = {0: ("i", 13), 1: ("i", 15 if begin < 0 else 13)}
        self.operator("STRIDED_SLICE", [x, *places, self.integers(1, 1, 1, 1)], [y], masks)
        return y

    def join(self, parts: list[int], axis: int) -> int:
        shape = list(self.shapes[parts[0]])
        shape[axis] = sum(self.shapes[part][axis] for part in parts)
        y = self.tensor(tuple(shape))
        self.operator("CONCATENATION", parts, [y], {0: ("i", axis)})
        return y

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

    def add(self, x: int, y: int, grid: Grid | None) -> int:
        total = self.tensor(self.shapes[x], grid=grid)
        self.operator("ADD", [x, y], [total])
        return total

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

    def graph(self, x: list[int], y: list[int]) -> Table:
        inputs, outputs = np.array(x, "<i4"), np.array(y, "<i4")
        return Table({0: self.tensors, 1: inputs, 2: outputs, 3: self.operators, 4: "main"})


@dataclass
class _Group:
    weight: torch.Tensor
    bias: torch.Tensor
    stride: int
    target: Grid | None
    factors: torch.Tensor | None


def model(graphs: dict[str, Table], buffers: list[Table], *others: Table) -> bytes:
    """Return a file of subgraphs by signature, and others without one."""
    codes = [
        Table({0: ("b", min(code, 127)), 2: ("i", 1), 3: ("i", code)})
        for code, _ in OPERATORS.values()
    ]
    signatures = [Table({2: name, 4: ("I", i)}) for i, name in enumerate(graphs)]
    subgraphs = [*graphs.values(), *others]
    fields = {0: ("I", 3), 1: codes, 2: subgraphs, 3: "tiny", 4: buffers, 7: signatures}
    return flatbuffer(Table(fields), b"TFL3")


def network_file(chain: Chain, shape: tuple[int, ...], result: tuple[int, ...]) -> bytes:
    """Return a file that runs a chain on one frame of `shape`, reshaped to and from columns."""
    writer = Writer()
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
