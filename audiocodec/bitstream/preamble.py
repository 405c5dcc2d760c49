"""The preamble: magic, version and the checked header; format.md, sections 2 and 3."""

import struct

from audiocodec.errors import Corrupt, FormatError, NotACodesFile, Truncated, UnsupportedVersion

from .checksum import crc32c
from .header import Header
from .header_bytes import header_from_bytes, header_to_bytes
from .records import CRC_BYTES, HEADER_AGAIN, SYNC, build_record, check_crc, find_extent
from .window import Forged, Window

MAGIC = b"\x89CODES\r\n"
VERSION = 1
_FIXED_BYTES = len(MAGIC) + 3
_RECOGNIZED_FROM = len(MAGIC) - 2  # so many bytes of a damaged magic must be right


def build_preamble(header: Header) -> bytes:
    """Return the bytes that a file begins with."""
    encoded = header_to_bytes(header)
    checked = struct.pack("<BH", VERSION, len(encoded)) + encoded
    return MAGIC + checked + struct.pack("<I", crc32c(checked))


def read_preamble(window: Window) -> Header:
    """Return the header and leave the window at the first record.

    Raises NotACodesFile, UnsupportedVersion, Truncated or Corrupt.
    """
    _check_magic(window)
    if not window.has(_FIXED_BYTES):
        raise Truncated("the file ends before its header; fetch or make it again")
    version, size = struct.unpack_from("<BH", window.bytes, len(MAGIC))
    _check_version(version)
    end = _FIXED_BYTES + size
    if not window.has(end + CRC_BYTES):
        raise Truncated("the file ends in the middle of its header; fetch or make it again")
    (expected,) = struct.unpack_from("<I", window.bytes, end)
    if crc32c(bytes(window.bytes[len(MAGIC) : end])) != expected:
        raise Corrupt("the header is damaged: its checksum is wrong; fetch or make the file again")
    encoded = bytes(window.bytes[_FIXED_BYTES:end])
    window.skip(end + CRC_BYTES)
    return header_from_bytes(encoded)


def build_header_again(header: Header) -> bytes:
    """Return the record that repeats the header."""
    return build_record(HEADER_AGAIN, bytes([VERSION]) + header_to_bytes(header))


def find_header_again(window: Window) -> Header | None:
    """Return the first header that is repeated in the rest of the file, None if there is none.

    Raises UnsupportedVersion when that header asks for more than this program knows.
    """
    while window.skip_to(SYNC) and window.has(2):
        if window.bytes[1:2] == HEADER_AGAIN:
            try:
                extent = find_extent(window)
                check_crc(window, extent)
            except Forged:
                raise
            except FormatError:
                pass  # a false marker
            else:
                body = bytes(window.bytes[extent.body_start : extent.body_end])
                _check_version(body[0])
                return header_from_bytes(body[1:])
        window.skip(1)
    return None


def _check_magic(window: Window) -> None:
    window.has(len(MAGIC))
    start = bytes(window.bytes[: len(MAGIC)])
    if start == MAGIC:
        return
    if start and MAGIC.startswith(start):
        raise Truncated(f"the file ends after {len(start)} bytes; fetch or make it again")
    if start[1:6] == MAGIC[1:6] or _right_bytes(start) >= _RECOGNIZED_FROM:
        raise Corrupt(
            f"the first bytes are damaged: expected {MAGIC.hex(' ')}, found {start.hex(' ')}; "
            f"if it was sent as text, send it again as binary data"
        )
    raise NotACodesFile(
        f"this is not a .codes file: expected it to begin with {MAGIC.hex(' ')}, "
        f"found {start.hex(' ') or 'nothing'}"
    )


def _right_bytes(start: bytes) -> int:
    return sum(a == b for a, b in zip(start, MAGIC, strict=False))


def _check_version(version: int) -> None:
    if version == 0:
        raise Corrupt("the file says that it is of version 0, which does not exist")
    if version > VERSION:
        raise UnsupportedVersion(
            f"the file is of version {version}; this program reads versions up to {VERSION}; "
            f"update audiocodec to read it"
        )
