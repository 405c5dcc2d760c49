"""Write the golden .codes files and what they hold; see README.md before you think of running it.

    python tests/golden/bitstream/make.py FOLDER

Refuses to replace a file: golden files never change. A new version of the format gets new ones.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np

from audiocodec.bitstream import Gap, Header, Reader, Writer
from audiocodec.bitstream.chunks import Chunk, ChunkHead, build_chunk
from audiocodec.bitstream.preamble import build_header_again, build_preamble
from audiocodec.bitstream.records import TRAILER, build_record
from audiocodec.bitstream.varint import varint

MONO = Header(
    sample_rate_hz=24000,
    hop_samples=480,
    codebook_sizes=(1024, 1024, 1000),
    source_sample_rate_hz=24000,
    source_samples=4321,
    model_name="golden/mono",
    model_revision="v1",
    weights_sha256=bytes(range(32)).hex(),
)
STEREO = Header(
    sample_rate_hz=16000,
    hop_samples=320,
    codebook_sizes=(1, 2, 3, 5, 256, 1 << 24),
    source_sample_rate_hz=44100,
    rows=2,
    source_channels=2,
    source_ndim=3,
    metadata=(("title", "Gold"), ("artist", "Ä"), ("artist", "β")),
)
LIVE = Header(
    sample_rate_hz=8000, hop_samples=320, codebook_sizes=(16, 16), source_sample_rate_hz=8000
)


def codes(header: Header, frames: int, levels: int | None = None) -> np.ndarray:
    """Return int32 [R, K, F] that look random and need no random generator."""
    levels = levels or header.levels
    r, k, f = np.ogrid[: header.rows, :levels, :frames]
    mixed = (r * 1_000_003 + k * 7_368_787 + (f + 1) * 2_750_159) * 48_271 % 2_147_483_647
    sizes = np.array(header.codebook_sizes[:levels])[:, None]
    return np.asarray(mixed % sizes, dtype=np.int32)


def mono() -> bytes:
    """Ten frames in chunks of four, everything as it usually is."""
    file = io.BytesIO()
    writer = Writer(file, MONO, chunk_frames=4)
    writer.write(codes(MONO, 10))
    writer.finish()
    return file.getvalue()


def stereo() -> bytes:
    """Two rows, odd codebook sizes, levels that change, missing frames, metadata and an index."""
    file = io.BytesIO()
    writer = Writer(file, STEREO, chunk_frames=3)
    writer.write(codes(STEREO, 31))
    writer.write(codes(STEREO, 4, levels=2))
    writer.skip(5)
    writer.write(codes(STEREO, 30))
    writer.finish(61234)
    return file.getvalue()


def live() -> bytes:
    """No identity, no length, no trailer: a stream whose writer was killed."""
    file = io.BytesIO()
    Writer(file, LIVE, chunk_frames=5).write(codes(LIVE, 12))
    return file.getvalue()


def empty() -> bytes:
    """A sound of no samples."""
    file = io.BytesIO()
    Writer(file, LIVE).finish(0)
    return file.getvalue()


def extended() -> bytes:
    """What a later writer may add to version 1 and every reader must pass over."""
    preamble = build_preamble(LIVE)
    known = preamble[11:-4]
    header = known + bytes([200, 5]) + b"later"
    checked = b"\x01" + len(header).to_bytes(2, "little") + header
    layer = bytes.fromhex("123450abcde0")
    again = build_header_again(LIVE)
    records = [
        build_chunk(LIVE, Chunk(ChunkHead(0, 5, 2, (6,)), (layer,))),
        build_record(b"Z", b"an unknown kind"),
        again,
        build_chunk(LIVE, Chunk(ChunkHead(5, 5, 2, (6,)), (layer[3:] + layer[:3],))),
    ]
    index = varint(1) + varint(sum(map(len, records[:3]))) + varint(5)
    trailer = build_record(TRAILER, varint(10) + varint(3201) + index + b"reserved")
    footer = len(trailer).to_bytes(4, "little")
    return preamble[:8] + checked + crc(checked) + b"".join(records) + trailer + footer


def newer() -> bytes:
    """A file that only a later reader can decode, and that says so."""
    preamble = build_preamble(
        Header(
            sample_rate_hz=8000,
            hop_samples=320,
            codebook_sizes=(16, 16),
            source_sample_rate_hz=8000,
            critical_features=("mid-side", "time-travel"),
        )
    )
    return preamble + live()[len(build_preamble(LIVE)) :]


def crc(data: bytes) -> bytes:
    """Return the crc of `data`, bit by bit, as a second opinion on the tables."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return (register ^ 0xFFFFFFFF).to_bytes(4, "little")


FILES = {maker.__name__: maker for maker in (mono, stereo, live, empty, extended, newer)}


def contents(data: bytes) -> dict[str, object]:
    """Return what a reader must find, for expected.json."""
    reader = Reader(io.BytesIO(data))
    items = list(reader)
    return {
        "packets": [
            {"first_frame": item.first_frame, "indices": item.indices.tolist()}
            for item in items
            if not isinstance(item, Gap)
        ],
        "gaps": [[item.first_frame, item.frames] for item in items if isinstance(item, Gap)],
        "source_samples": reader.source_samples,
    }


def main(folder: Path) -> None:
    """Write every file that is not there yet, and expected.json."""
    made = {name: maker() for name, maker in FILES.items()}
    for name, data in made.items():
        with (folder / f"{name}.codes").open("xb") as file:
            file.write(data)
    expected = {name: contents(data) for name, data in made.items() if name != "newer"}
    with (folder / "expected.json").open("x") as text:
        json.dump(expected, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
