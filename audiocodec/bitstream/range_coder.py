"""A range coder on whole numbers that fit into 64 bits; format.md, section 9.

Source: G. N. N. Martin, "Range encoding" (1979); carries run back through the bytes that are out.
"""

from bisect import bisect_right
from collections.abc import Sequence

TOTAL_BITS = 20
"""The chances of a code are out of 2^20."""
TOTAL = 1 << TOTAL_BITS
_STATE_BITS = 48
_TOP = 1 << _STATE_BITS
_LOW = 1 << (_STATE_BITS - 8)


class RangeEncoder:
    """Codes in, bytes out."""

    def __init__(self) -> None:
        self._low, self._range = 0, _TOP
        self._bytes = bytearray()

    def push(self, start: int, size: int) -> None:
        """Add a code whose share of the 2^20 is [start, start + size)."""
        step = self._range >> TOTAL_BITS
        self._low += step * start
        self._range = step * size
        while self._range <= _LOW:
            self._shift()

    def flush(self) -> bytes:
        """Return all bytes: the fewest that tell these codes, when zeros follow them."""
        high = self._low + self._range
        zeros = self._range.bit_length()
        while (value := -(-self._low >> zeros) << zeros) >= high:
            zeros -= 1
        self._low, self._range = value, 1
        for _ in range(_STATE_BITS // 8):
            self._shift()
        return bytes(self._bytes).rstrip(b"\0")

    def _shift(self) -> None:
        """Let the highest byte out."""
        if self._low >= _TOP:
            self._low -= _TOP
            place = len(self._bytes) - 1
            while self._bytes[place] == 0xFF:
                self._bytes[place] = 0
                place -= 1
            self._bytes[place] += 1
        self._bytes.append(self._low >> (_STATE_BITS - 8))
        self._low = self._low % _LOW << 8
        self._range <<= 8


class RangeDecoder:
    """Bytes in, codes out; bytes that no encoder made give some codes as well."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, _STATE_BITS // 8
        self._value = int.from_bytes(data[: self._place].ljust(self._place, b"\0"), "big")
        self._range = _TOP

    def pull(self, starts: Sequence[int]) -> int:
        """Return the next code, given where the share of each begins; the first at 0."""
        step = self._range >> TOTAL_BITS
        target = min(self._value // step, TOTAL - 1)
        code = bisect_right(starts, target) - 1
        end = starts[code + 1] if code + 1 < len(starts) else TOTAL
        self._value -= step * starts[code]
        self._range = step * (end - starts[code])
        while self._range <= _LOW:
            byte = self._data[self._place] if self._place < len(self._data) else 0
            self._place += 1
            self._value = (self._value << 8 | byte) % _TOP
            self._range <<= 8
        return code
