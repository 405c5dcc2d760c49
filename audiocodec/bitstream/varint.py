"""Unsigned LEB128 numbers, and a cursor that reads them from bytes that may be damaged."""

from audiocodec.errors import Corrupt

_LONGEST = 8


def varint(value: int) -> bytes:
    """Return the one encoding of `value`, from 0 to 2^56 - 1."""
    if not 0 <= value < 1 << (7 * _LONGEST):
        raise ValueError(f"{value} does not fit a varint: expected 0 to 2^56 - 1")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class Cursor:
    """A place in some bytes; whatever does not fit raises Corrupt and names what was read."""

    def __init__(self, data: bytes | bytearray | memoryview, position: int = 0) -> None:
        self._data = data
        self.position = position

    @property
    def left(self) -> int:
        """Number of bytes that were not read yet."""
        return len(self._data) - self.position

    def take(self, count: int, what: str) -> bytes:
        """Return the next `count` bytes."""
        if count > self.left:
            raise Corrupt(f"{what} takes {count} bytes, but only {self.left} are left")
        taken = bytes(self._data[self.position : self.position + count])
        self.position += count
        return taken

    def varint(self, what: str, low: int, high: int) -> int:
        """Return the next number, which must be in [low, high] and in its shortest form."""
        value = 0
        for index in range(_LONGEST):
            byte = self.take(1, what)[0]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if byte == 0 and index > 0:
                    raise Corrupt(f"{what} is not in its shortest form")
                break
        else:
            raise Corrupt(f"{what} does not end within {_LONGEST} bytes")
        if not low <= value <= high:
            raise Corrupt(f"{what} is {value}; expected {low} to {high}")
        return value
