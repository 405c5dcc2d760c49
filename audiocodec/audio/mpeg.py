"""Just enough of MP3 to know whether a stream is one, and whether it says how long it is."""

from enum import Enum, auto
from typing import BinaryIO

_HEADS_READ = 2048


class MpegKind(Enum):
    """What `mpeg_kind` found."""

    NOT_MPEG = auto()
    WITH_LENGTH = auto()  # a Xing, Info or VBRI frame gives the number of frames
    WITHOUT_LENGTH = auto()


def mpeg_kind(stream: BinaryIO) -> MpegKind:
    """Look at the beginning of a seekable stream and put it back."""
    start = stream.tell()
    try:
        head = stream.read(10)
        if head[:3] == b"ID3" and len(head) == 10:
            stream.seek(start + 10 + _syncsafe(head[6:]))
        else:
            stream.seek(start)
        frame = stream.read(_HEADS_READ)
    finally:
        stream.seek(start)
    # Eleven set bits, then version and layer; layer 0 is AAC in ADTS frames.
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0 or not frame[1] & 0x06:
        return MpegKind.NOT_MPEG
    if any(tag in frame for tag in (b"Xing", b"Info", b"VBRI")):
        return MpegKind.WITH_LENGTH
    return MpegKind.WITHOUT_LENGTH


def _syncsafe(digits: bytes) -> int:
    # ID3v2 sizes have seven bits a byte.
    size = 0
    for digit in digits:
        size = size << 7 | digit & 0x7F
    return size
