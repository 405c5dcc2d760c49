"""CRC-32C (Castagnoli), by tables and numpy."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # reflected
_BLOCK = 512


def crc32c(data: bytes | bytearray | memoryview) -> int:
    """Return the CRC-32C of `data`; of b"123456789" it is 0xE3069283."""
    contributions = _contributions()
    values = np.frombuffer(data, np.uint8)
    register = 0xFFFFFFFF
    for start in range(0, len(values), _BLOCK):
        register = _advance(register, values[start : start + _BLOCK], contributions)
    return register ^ 0xFFFFFFFF


def _advance(register: int, block: NDArray[np.uint8], contributions: NDArray[np.uint32]) -> int:
    """Return the register after `block`, at most _BLOCK bytes.

    The register is linear over XOR: it is the XOR of what each byte alone would leave in it, so
    one gather and one reduction do the block. The old register acts like four more bytes, added
    to the first four.
    """
    width = len(block)
    mixed = np.zeros(max(width, 4), np.uint8)
    mixed[:width] = block
    mixed[:4] ^= np.frombuffer(register.to_bytes(4, "little"), np.uint8)
    positions = np.arange(width - 1, -1, -1)
    result = int(np.bitwise_xor.reduce(contributions[positions, mixed[:width]]))
    # Of the old register, fewer than four bytes shift out only part.
    return result ^ (register >> (8 * width))


@cache
def _contributions() -> NDArray[np.uint32]:
    """Return uint32 [_BLOCK, 256]: the register after a byte and so many zero bytes, from zero."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    rows = np.empty((_BLOCK, 256), np.uint32)
    rows[0] = table
    for index in range(1, _BLOCK):
        previous = rows[index - 1]
        rows[index] = table[previous & np.uint32(0xFF)] ^ (previous >> np.uint32(8))
    return rows
