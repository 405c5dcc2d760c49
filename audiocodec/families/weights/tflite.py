"""A TFLite file as plain values: tensors, operators, subgraphs.

Source: tensorflow/lite/schema/schema.fbs (Apache-2.0), of which the slots below are taken. Only
what a converter asks for is here.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import UnknownModel

from .flatbuffer import Table, malformed, root

FLOAT32, INT32, INT8 = 0, 2, 9
_DTYPES = {FLOAT32: "<f4", INT32: "<i4", INT8: "<i1"}
_OPERATORS = {
    0: "ADD", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE",
    18: "MUL", 22: "RESHAPE", 36: "GATHER", 41: "SUB", 45: "STRIDED_SLICE", 49: "SPLIT",
    53: "CAST", 55: "MAXIMUM", 56: "ARG_MAX", 58: "LESS", 67: "TRANSPOSE_CONV",
    72: "NOT_EQUAL", 74: "SUM", 79: "ARG_MIN", 83: "PACK", 85: "ONE_HOT", 98: "LEAKY_RELU",
    99: "SQUARED_DIFFERENCE", 114: "QUANTIZE", 129: "CALL_ONCE", 142: "VAR_HANDLE",
    143: "READ_VARIABLE", 144: "ASSIGN_VARIABLE",
}  # fmt: skip
MAX_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: a constant where it has data.

    scales, zeros: of a quantised one, value = scale (stored - zero), along `axis`.
    """

    shape: tuple[int, ...]
    type: int
    data: NDArray[np.uint8]
    scales: NDArray[np.float32]
    zeros: NDArray[np.int64]
    axis: int

    @property
    def is_constant(self) -> bool:
        """Whether the file holds its value."""
        return self.data.size > 0

    def array(self) -> NDArray[Any]:
        """Return the stored value. Raises UnknownModel where there is none of that shape."""
        dtype = _DTYPES.get(self.type)
        if dtype is None or self.data.size != prod(self.shape) * np.dtype(dtype).itemsize:
            raise UnknownModel(f"a constant of type {self.type} and shape {self.shape} expected")
        return self.data.view(dtype).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Operator:
    """One operation; inputs and outputs are numbers of tensors, -1 for one left out."""

    position: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None

    def option(self, slot: int, default: int = 0, *, kind: str = "i") -> int:
        """Return a whole number among the options."""
        return default if self.options is None else self.options.integer(slot, default, kind=kind)

    def __str__(self) -> str:
        return f"operator {self.position}, {self.name}"


@dataclass(frozen=True, slots=True)
class Graph:
    """One subgraph: its operators are in an order in which they can run."""

    tensors: list[Tensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: list[Operator]

    def tensor(self, number: int) -> Tensor:
        """Return a tensor by its number. Raises UnknownModel where there is none."""
        if not 0 <= number < len(self.tensors):
            raise malformed()
        return self.tensors[number]


@dataclass(frozen=True, slots=True)
class Model:
    """A whole file; signatures: name -> number of the subgraph."""

    graphs: list[Graph]
    signatures: dict[str, int]

    def graph(self, signature: str) -> Graph:
        """Return the subgraph of a signature. Raises UnknownModel where there is none."""
        number = self.signatures.get(signature, -1)
        if not 0 <= number < len(self.graphs):
            raise UnknownModel(f"no signature {signature!r} among {sorted(self.signatures)}")
        return self.graphs[number]


def read_tflite(data: bytes) -> Model:
    """Parse a TFLite file. Raises UnknownModel for anything else."""
    if len(data) > MAX_BYTES:
        raise UnknownModel(f"over {MAX_BYTES} bytes is no file of this kind")
    model = root(data, b"TFL3")
    names = [_operator_name(code) for code in model.tables(1)]
    buffers = [buffer.numbers(0, "<u1") for buffer in model.tables(4)]
    return Model(
        graphs=[_graph(graph, names, buffers) for graph in model.tables(2)],
        signatures={s.text(2): s.integer(4, kind="I") for s in model.tables(7)},
    )


def _operator_name(code: Table) -> str:
    number = max(code.integer(0, kind="b"), code.integer(3))
    return _OPERATORS.get(number, code.text(1) or f"number {number}")


def _graph(graph: Table, names: list[str], buffers: list[NDArray[np.uint8]]) -> Graph:
    return Graph(
        tensors=[_tensor(tensor, buffers) for tensor in graph.tables(0)],
        inputs=graph.integers(1),
        outputs=graph.integers(2),
        operators=[_operator(i, op, names) for i, op in enumerate(graph.tables(3))],
    )


def _operator(position: int, operator: Table, names: list[str]) -> Operator:
    code = operator.integer(0, kind="I")
    if code >= len(names):
        raise malformed()
    inputs, outputs = operator.integers(1), operator.integers(2)
    return Operator(position, names[code], inputs, outputs, operator.table(4))


def _tensor(tensor: Table, buffers: list[NDArray[np.uint8]]) -> Tensor:
    buffer, quantization = tensor.integer(2, kind="I"), tensor.table(4)
    if buffer >= len(buffers):
        raise malformed()
    nothing = np.empty(0)
    return Tensor(
        shape=tensor.integers(0),
        type=tensor.integer(1, kind="b"),
        data=buffers[buffer],
        scales=(quantization.numbers(2, "<f4") if quantization else nothing.astype(np.float32)),
        zeros=(quantization.numbers(3, "<i8") if quantization else nothing.astype(np.int64)),
        axis=quantization.integer(6) if quantization else 0,
    )
