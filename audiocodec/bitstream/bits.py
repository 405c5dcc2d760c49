"""Integers of a fixed width, packed most significant bit first."""

import numpy as np
from numpy.typing import NDArray

_WORD = 32
# Codes handled at once: unpacked, every bit takes a byte. A multiple of 8, so that a block of
# any width ends on a byte border.
_BLOCK = 1 << 14


def bits_for(codebook_size: int) -> int:
    """Return the bits that one code takes: at least 1."""
    return max(1, (codebook_size - 1).bit_length())


def packed_bytes(count: int, width: int) -> int:
    """Return the bytes that `count` codes of `width` bits take, filled up to a byte border."""
    return (count * width + 7) // 8


def pack(codes: NDArray[np.int32], width: int) -> bytes:
    """Return `codes` (any shape, in C order, each in [0, 2^width)) packed into bytes."""
    flat = codes.reshape(-1)
    blocks = range(0, len(flat), _BLOCK)
    return b"".join(_pack_block(flat[start : start + _BLOCK], width) for start in blocks)


def unpack(data: bytes | memoryview, count: int, width: int) -> NDArray[np.int32]:
    """Return int32 [count]: the inverse of `pack`; `data` holds exactly the packed bytes."""
    packed = np.frombuffer(data, np.uint8)
    codes = np.empty(count, np.int32)
    for start in range(0, count, _BLOCK):
        block = codes[start : start + _BLOCK]
        block[:] = _unpack_block(packed[start * width // 8 :], len(block), width)
    return codes


def _pack_block(codes: NDArray[np.int32], width: int) -> bytes:
    words = codes.astype(">u4").reshape(-1, 1).view(np.uint8)
    bits = np.unpackbits(words, axis=1)
    return np.packbits(bits[:, _WORD - width :]).tobytes()


def _unpack_block(packed: NDArray[np.uint8], count: int, width: int) -> NDArray[np.integer]:
    bits = np.unpackbits(packed[: packed_bytes(count, width)], count=count * width)
    words = np.zeros((count, _WORD), np.uint8)
    words[:, _WORD - width :] = bits.reshape(count, width)
    return np.packbits(words, axis=1).view(">u4").reshape(count)
