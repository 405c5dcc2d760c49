"""Read a .codes file with the standard library and numpy alone, from the page of its format.

    python examples/read_codes_without_torch.py in.codes [out.npy]

It reads every version-1 file of packed bits (entropy_coding/ has the rest), passes over
damaged chunks and layers, and shares no code with audiocodec: it proves that
audiocodec/bitstream/format.md is enough to get at the codes.
"""

import sys
from collections.abc import Iterator

import numpy as np


def crc32c(data: bytes) -> bytes:
    """Return the checksum that headers and layers carry."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return (register ^ 0xFFFFFFFF).to_bytes(4, "little")


def number(data: bytes, at: int = 0) -> tuple[int, int]:
    """Return the varint at `at` and the position behind it."""
    value = shift = 0
    for byte in data[at : at + 8]:
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            break
    return value, at


def runs(data: bytes) -> list[int]:
    """Return a number for each level from runs of equal ones."""
    numbers, at = list[int](), 0
    while at < len(data):
        count, at = number(data, at)
        each, at = number(data, at)
        numbers += [each] * count
    return numbers


def read_header(data: bytes, known_coding: bytes = b"\0") -> tuple[dict[int, bytes], int]:
    """Return the header's fields by tag, and where the first record begins."""
    end = 11 + int.from_bytes(data[9:11], "little")
    if data[:9] != b"\x89CODES\r\n\1" or crc32c(data[8:end]) != data[end : end + 4]:
        raise SystemExit("not a .codes file of version 1, or its header is damaged")
    fields, at = {}, 11
    while at < end:
        size, start = number(data, at + 1)
        fields[data[at]] = data[start : start + size]
        at = start + size
    if fields.get(14) or fields.get(13, b"\0") > known_coding:
        raise SystemExit(f"needs {fields.get(14, b'').decode() or 'entropy coding'}")
    return fields, end + 4


def read_chunks(data: bytes) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first frame and the codes [rows, levels, frames] of every good chunk."""
    fields, at = read_header(data)
    rows, _ = number(fields.get(5, b"\1"))
    segment, _ = number(fields.get(18, b"\0"))
    step, _ = number(fields.get(19, b"\4"))
    widths = [max(1, (size - 1).bit_length()) for size in runs(fields[4])]
    grid = list(zip(widths, runs(fields.get(17, b"")) or [1] * len(widths), strict=True))
    while (at := data.find(b"\xd5C", at)) >= 0:
        first, place = number(data, number(data, at + 2)[1])
        frames, place = number(data, place)
        levels = data[place] if place < len(data) else 0
        place += 1 + (rows * -(-frames // segment) * 4 if segment else 0)
        begin, codes, layer = at, list[np.ndarray](), list[np.ndarray]()
        for level, (width, stride) in enumerate(grid[:levels], start=1):
            bits = rows * frames // stride * width
            section = np.frombuffer(data[place : place + (bits + 7) // 8], np.uint8)
            if (place := place + (bits + 7) // 8) > len(data):
                break
            digits = np.unpackbits(section)[:bits].reshape(-1, width)
            numbers = (digits @ (1 << np.arange(width)[::-1])).reshape(rows, -1)
            layer.append(numbers.repeat(stride, axis=1))
            if level % step == 0 or level == levels:
                if crc32c(data[begin:place]) != data[place : place + 4]:
                    break  # this layer is lost, and those above it
                codes, layer, begin, place = codes + layer, [], place + 4, place + 4
        if codes:
            yield first, np.stack(codes, axis=1)
        at += 2


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        found = list(read_chunks(file.read()))
    for start, chunk in found:
        print(f"frames {start} to {start + chunk.shape[2] - 1}: {chunk.shape[1]} levels")
    if len(sys.argv) > 2:
        fewest = min((chunk.shape[1] for _, chunk in found), default=0)
        np.save(sys.argv[2], np.concatenate([chunk[:, :fewest] for _, chunk in found], axis=2))
