"""TFLite files written operator by operator: just what a tiny Lyra needs of them.

The schema is that of tensorflow/compiler/mlir/lite/schema; numbers in tables are slots of it.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocodec.layers.int8 import Grid

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

    def add(self, x: int, y: int, grid: Grid | None) -> int:
        total = self.tensor(self.shapes[x], grid=grid)
        self.operator("ADD", [x, y], [total])
        return total

    def graph(self, x: list[int], y: list[int]) -> Table:
        inputs, outputs = np.array(x, "<i4"), np.array(y, "<i4")
        return Table({0: self.tensors, 1: inputs, 2: outputs, 3: self.operators, 4: "main"})


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
