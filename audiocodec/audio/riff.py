"""The headers of WAV and RF64, which libsndfile can neither read from a pipe nor write to one.

Sources: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF, fmt,
data) and EBU Tech 3306 (RF64: 64-bit sizes in a ds64 chunk, for which a JUNK chunk of the same
size keeps the place in a file that may or may not grow beyond 4 GiB).
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from .pcm import PcmEncoding, bytes_per_sample

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENCODINGS: dict[tuple[int, int], PcmEncoding] = {
    (_PCM, 16): "s16le",
    (_PCM, 24): "s24le",
    (_PCM, 32): "s32le",
    (_FLOAT, 32): "f32le",
}
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of every subformat, after its tag
_UNKNOWN_32 = 0xFFFFFFFF
_UNKNOWN_64 = 0xFFFFFFFFFFFFFFFF
_LARGEST_RIFF = 0xFFFFFEFF  # sizes above are taken for "unknown"
_LONGEST_CHUNK_BEFORE_DATA = 1 << 24


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What stands before the samples of a WAV or RF64 file.

    encoding: None when the samples are not plain PCM of a kind that `pcm.unpack` knows.
    frame_bytes: bytes of one sample of all channels (of one block where compressed).
    data_bytes: declared length of the samples, None when the writer did not know it.
    """

    sample_rate_hz: int
    channels: int
    encoding: PcmEncoding | None
    frame_bytes: int
    data_bytes: int | None


@dataclass(frozen=True, slots=True)
class _Format:
    sample_rate_hz: int
    channels: int
    encoding: PcmEncoding | None
    frame_bytes: int


def read_wav_header(stream: BinaryIO) -> WavHeader | None:
    """Read forward to the first byte of the samples; None when this is no sound WAV or RF64.

    Only reads, never seeks. After None the stream stands anywhere.
    """
    start = _read_exactly(stream, 12)
    if start is None or start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
        return None
    found: _Format | None = None
    data_bytes_64 = _UNKNOWN_64
    while (head := _read_exactly(stream, 8)) is not None:
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            return None if found is None else _header(found, size, data_bytes_64)
        if size > _LONGEST_CHUNK_BEFORE_DATA:
            return None
        body = _read_exactly(stream, size + size % 2)
        if body is None:
            return None
        if head[:4] == b"ds64" and size >= 16:
            data_bytes_64 = int.from_bytes(body[8:16], "little")
        elif head[:4] == b"fmt ":
            found = _parse_format(body)
    return None


def build_wav_header(
    *, sample_rate_hz: int, channels: int, encoding: PcmEncoding, data_bytes: int | None
) -> bytes:
    """Return the header for `data_bytes` of samples, RF64 when RIFF cannot hold them.

    Its length does not depend on `data_bytes`, so that it can be written again in place once
    the length is known; None stands for a length that will never be: all sizes are 0xFFFFFFFF.
    """
    frame_bytes = channels * bytes_per_sample(encoding)
    fmt = _build_format(sample_rate_hz, channels, encoding)
    place_of_ds64 = 36
    # What is not integer PCM has to have a fact chunk: the samples of a channel.
    place_of_fact = 12 if encoding == "f32le" else 0
    riff_bytes = 4 + place_of_ds64 + len(fmt) + place_of_fact + 8
    magic, riff_size, data_size = b"RIFF", _UNKNOWN_32, _UNKNOWN_32
    ds64 = _chunk(b"JUNK", bytes(28))
    samples = _UNKNOWN_32
    if data_bytes is not None:
        samples = data_bytes // frame_bytes
        riff_bytes += data_bytes + data_bytes % 2
        if riff_bytes <= _LARGEST_RIFF:
            riff_size, data_size = riff_bytes, data_bytes
        else:
            magic = b"RF64"
            ds64 = _chunk(b"ds64", struct.pack("<QQQI", riff_bytes, data_bytes, samples, 0))
    if place_of_fact:
        fmt += _chunk(b"fact", struct.pack("<I", min(samples, _UNKNOWN_32)))
    data = b"data" + struct.pack("<I", data_size)
    return magic + struct.pack("<I", riff_size) + b"WAVE" + ds64 + fmt + data


def _header(found: _Format, data_size: int, data_bytes_64: int) -> WavHeader:
    if data_size == _UNKNOWN_32:
        data_bytes = None if data_bytes_64 == _UNKNOWN_64 else data_bytes_64
    else:
        data_bytes = None if _is_placeholder(data_size) else data_size
    return WavHeader(
        found.sample_rate_hz, found.channels, found.encoding, found.frame_bytes, data_bytes
    )


def _is_placeholder(size: int) -> bool:
    # What writers to pipes put for "unknown": ffmpeg and we 0xFFFFFFFF, sox and espeak
    # 0x7FFFF000, arecord about 2^31.
    return size in (0x7FFFF000, 0x7FFFFFFF, 0x80000000) or size > _LARGEST_RIFF


def _parse_format(body: bytes) -> _Format | None:
    if len(body) < 16:
        return None
    tag, channels, rate, _, align, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 40 and body[26:40] == _GUID_TAIL:
        tag = int.from_bytes(body[24:26], "little")
    if align == 0 or channels == 0:
        return None
    whole = align == channels * (bits // 8)
    return _Format(rate, channels, _ENCODINGS.get((tag, bits)) if whole else None, align)


def _build_format(sample_rate_hz: int, channels: int, encoding: PcmEncoding) -> bytes:
    tag = _FLOAT if encoding == "f32le" else _PCM
    width = bytes_per_sample(encoding)
    align = channels * width
    numbers = (channels, sample_rate_hz, sample_rate_hz * align, align, width * 8)
    if channels > 2:
        # More than stereo asks for the extensible form; mask 0: speakers are not named.
        guid = struct.pack("<H", tag) + _GUID_TAIL
        extension = struct.pack("<HHI", 22, width * 8, 0) + guid
        return _chunk(b"fmt ", struct.pack("<HHIIHH", _EXTENSIBLE, *numbers) + extension)
    extension = struct.pack("<H", 0) if tag == _FLOAT else b""
    return _chunk(b"fmt ", struct.pack("<HHIIHH", tag, *numbers) + extension)


def _chunk(identifier: bytes, body: bytes) -> bytes:
    return identifier + struct.pack("<I", len(body)) + body


def _read_exactly(stream: BinaryIO, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = stream.read(count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
