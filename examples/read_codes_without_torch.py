"""Read a .codes file with the standard library and numpy alone, from the page of its format.

    python examples/read_codes_without_torch.py in.codes [out.npy]

It reads every version-1 file of packed bits, passes over damaged chunks, and shares no code with
audiocodec: it proves that audiocodec/bitstream/format.md is enough to get at the codes.
"""

import sys
from collections.abc import Iterator

import numpy as np

MAGIC = b"\x89CODES\r\n"


def crc32c(data: bytes) -> int:
    """Return the checksum that headers and records carry."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def number(data: bytes, at: int) -> tuple[int, int]:
    """Return the varint at `at` and the position behind it."""
    value = 0
    for index, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            break
    return value, at + index + 1


def read_header(data: bytes) -> tuple[dict[int, bytes], int]:
    """Return the header's fields by tag, and where the first record begins."""
    if data[:8] != MAGIC:
        raise SystemExit("not a .codes file")
    if data[8] != 1:
        raise SystemExit(f"version {data[8]}; this program reads version 1")
    end = 11 + int.from_bytes(data[9:11], "little")
    if crc32c(data[8:end]) != int.from_bytes(data[end : end + 4], "little"):
        raise SystemExit("the header is damaged")
    fields, at = {}, 11
    while at < end:
        size, start = number(data, at + 1)
        fields[data[at]] = data[start : start + size]
        at = start + size
    if fields.get(14) or fields.get(13, b"\0") != b"\0":
        raise SystemExit(f"needs {fields.get(14, b'').decode() or 'an unknown coding'}")
    return fields, end + 4


def codebook_sizes(value: bytes) -> list[int]:
    """Return the entries of each level's codebook from runs of equal ones."""
    sizes, at = list[int](), 0
    while at < len(value):
        count, at = number(value, at)
        size, at = number(value, at)
        sizes += [size] * count
    return sizes


def read_chunks(data: bytes) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first frame and the codes [rows, levels, frames] of every good chunk."""
    fields, at = read_header(data)
    rows, _ = number(fields.get(5, b"\1"), 0)
    widths = [max(1, (size - 1).bit_length()) for size in codebook_sizes(fields[4])]
    while (at := data.find(b"\xd5", at)) >= 0 and at + 11 <= len(data):
        size, body = number(data, at + 2)
        end = body + size
        if size > 1 << 20 or crc32c(data[at:end]).to_bytes(4, "little") != data[end : end + 4]:
            at += 1  # damaged, or not the beginning of a record: look for the next one
            continue
        if data[at + 1 : at + 2] == b"C":
            first, body = number(data, body)
            frames, body = number(data, body)
            codes, body = [], body + 1
            for width in widths[: data[body - 1] & 0x7F]:
                count = rows * frames * width
                section = np.frombuffer(data[body : body + (count + 7) // 8], np.uint8)
                bits = np.unpackbits(section)[:count].reshape(rows, frames, width)
                codes.append(bits @ (1 << np.arange(width)[::-1]))
                body += len(section)
            yield first, np.stack(codes, axis=1)
        at = end + 4


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        chunks = list(read_chunks(file.read()))
    for first_frame, chunk in chunks:
        print(
            f"frames {first_frame} to {first_frame + chunk.shape[2] - 1}: {chunk.shape[1]} levels"
        )
    if len(sys.argv) > 2:
        fewest = min((chunk.shape[1] for _, chunk in chunks), default=0)
        np.save(sys.argv[2], np.concatenate([chunk[:, :fewest] for _, chunk in chunks], axis=2))
