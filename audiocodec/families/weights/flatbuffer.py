"""Reading FlatBuffers without a schema compiler: a table's fields by their slot.

Source: the FlatBuffers internals page (flatbuffers.dev). Every access is bounds-checked, and
nothing is read before it is asked for, so that a malicious file costs no more than its size.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import UnknownModel


@dataclass(frozen=True, slots=True)
class Table:
    """A table at `position` of `data`; an absent field has its default, an absent vector none."""

    data: bytes
    position: int

    def scalar(self, slot: int, kind: str, default: float = 0) -> Any:
        """Return a number; kind: as in `struct`, such as "i" for int32."""
        place = self._field(slot)
        return default if place is None else unpack(self.data, place, kind)

    def integer(self, slot: int, default: int = 0, *, kind: str = "i") -> int:
        """Return a whole number."""
        return int(self.scalar(slot, kind, default))

    def table(self, slot: int) -> "Table | None":
        """Return a table inside this one."""
        place = self._field(slot)
        return None if place is None else Table(self.data, follow(self.data, place))

    def tables(self, slot: int) -> "list[Table]":
        """Return a vector of tables."""
        begin, length = self._vector(slot, 4)
        places = range(begin, begin + 4 * length, 4)
        return [Table(self.data, follow(self.data, place)) for place in places]

    def numbers(self, slot: int, dtype: str) -> NDArray[Any]:
        """Return a vector of numbers; dtype: numpy's, such as "<i4"."""
        size = np.dtype(dtype).itemsize
        begin, length = self._vector(slot, size)
        return np.frombuffer(self.data, dtype, length, begin) if length else np.empty(0, dtype)

    def integers(self, slot: int) -> tuple[int, ...]:
        """Return a vector of int32."""
        return tuple(self.numbers(slot, "<i4").tolist())

    def text(self, slot: int) -> str:
        """Return a string."""
        begin, length = self._vector(slot, 1)
        return self.data[begin : begin + length].decode("utf-8", "replace")

    def _field(self, slot: int) -> int | None:
        """Return where a field lies, None where it is absent."""
        fields = self.position - unpack(self.data, self.position, "i")
        if 4 + 2 * slot >= unpack(self.data, fields, "H"):
            return None
        offset = unpack(self.data, fields + 4 + 2 * slot, "H")
        return self.position + offset if offset else None

    def _vector(self, slot: int, size: int) -> tuple[int, int]:
        """Return the first byte and the length of a vector of elements of `size` bytes."""
        place = self._field(slot)
        if place is None:
            return 0, 0
        begin = follow(self.data, place)
        length = unpack(self.data, begin, "I")
        if begin + 4 + length * size > len(self.data):
            raise malformed()
        return begin + 4, length


def root(data: bytes, identifier: bytes) -> Table:
    """Return the root table. Raises UnknownModel where the file has another identifier."""
    if data[4:8] != identifier:
        raise UnknownModel(f"no {identifier.decode()} file; fetch the original again")
    return Table(data, follow(data, 0))


def follow(data: bytes, place: int) -> int:
    """Return where the offset at `place` points."""
    return place + int(unpack(data, place, "I"))


def unpack(data: bytes, place: int, kind: str) -> Any:
    """Return the little-endian number at `place`."""
    if not 0 <= place <= len(data) - struct.calcsize(kind):
        raise malformed()
    return struct.unpack_from(f"<{kind}", data, place)[0]


def malformed() -> UnknownModel:
    """Return the error for a file that contradicts itself."""
    return UnknownModel("the file is cut off or damaged; fetch the original again")
