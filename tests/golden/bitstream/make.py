"""Write the golden .codes files and what they hold; see README.md before you think of running it.

    python tests/golden/bitstream/make.py FOLDER

Refuses to replace a file: golden files never change. A new version of the format gets new ones.
"""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from audiocodec.bitstream import Gap, Header, Reader, Writer
from audiocodec.bitstream.chunks import Chunk, ChunkHead, build_chunk
from audiocodec.bitstream.entropy import EntropyTables
from audiocodec.bitstream.preamble import build_header_again, build_preamble
from audiocodec.bitstream.records import TRAILER, build_record
from audiocodec.bitstream.varint import varint
from audiocodec.entropy_tables import read_tables

HERE = Path(__file__).parent

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


STRIDES = Header(
    sample_rate_hz=24000,
    hop_samples=512,
    codebook_sizes=(4096, 4096, 4096),
    source_sample_rate_hz=24000,
    level_strides=(4, 2, 1),
    layer_levels=1,
)
SEGMENTS = Header(
    sample_rate_hz=48000,
    hop_samples=320,
    codebook_sizes=(1024, 1024),
    source_sample_rate_hz=48000,
    channels=2,
    rows=2,
    source_channels=4,
    source_samples=4000,
    segment_frames=5,
    segment_samples=1584,
)
CODED = Header(
    sample_rate_hz=16000,
    hop_samples=320,
    codebook_sizes=(16,) * 6,
    source_sample_rate_hz=16000,
    rows=2,
    source_channels=2,
    coding=1,
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


def strides() -> bytes:
    """Levels with a code for four, two and one frames, each level a layer."""
    file = io.BytesIO()
    writer = Writer(file, STRIDES, chunk_frames=8)
    writer.write(coarse(STRIDES, 20))
    writer.finish()
    return file.getvalue()


def segments() -> bytes:
    """A scale for every five frames of each row; the last segment is not complete."""
    file = io.BytesIO()
    writer = Writer(file, SEGMENTS, chunk_frames=10)
    scales = np.array([[0.5, 1.0, 2.5], [0.125, 3.0, 1e-8]], np.float32)
    writer.write(codes(SEGMENTS, 13), scales)
    writer.finish()
    return file.getvalue()


def coded_static() -> bytes:
    """Entropy coded by the tables in static.safetensors."""
    return coded(read_tables(HERE / "static.safetensors").tables)


def coded_context() -> bytes:
    """Entropy coded by the tables in context.safetensors."""
    return coded(read_tables(HERE / "context.safetensors").tables)


def coded(tables: EntropyTables) -> bytes:
    """Codes that the tables find likely, then some that they do not: a packed layer and chunk."""
    header = replace(CODED, entropy_tables=tables.identity)
    coder = tables.begin(header, 40)
    noise = mixed(np.arange(400)).astype(np.uint8).tobytes()
    likely = np.stack(coder.decode(noise, 4) + coder.decode(noise[200:], 2), axis=1)
    unlikely = likely.copy()
    unlikely[:, 4:, 20:] = codes(CODED, 20)[:, 4:]
    file = io.BytesIO()
    writer = Writer(file, header, chunk_frames=20, tables=tables)
    writer.write(unlikely)
    writer.write(likely[:, :5, :9])
    writer.write(codes(CODED, 6))
    writer.finish(16000)
    return file.getvalue()


def coarse(header: Header, frames: int) -> np.ndarray:
    """Return codes whose levels have their strides."""
    found = codes(header, frames)
    for level, stride in enumerate(header.strides):
        found[:, level] = found[:, level, ::stride].repeat(stride, axis=1)
    return found


def static_tables() -> bytes:
    """Return a file of tables: some codes are much likelier than others."""
    counts = {f"counts.{k}": (1 << mixed(np.arange(16) + 99 * k) % 15) for k in range(6)}
    arrays = {name: count.astype(np.int32) for name, count in counts.items()}
    return save(arrays, metadata={"kind": "static", "weights_sha256": ""})


def context_tables() -> bytes:
    """Return a file of tables: small networks of weights that look random."""
    levels, size, dim, hidden, out = 6, 16, 3, 10, 5
    inputs = (2 * 1 + 2 + 1 + 2) * dim
    powers = np.floor(65536 * 2.0 ** (-np.arange(700) / 64) + 0.5)
    shapes = {
        "vectors": (levels, size, dim),
        "first.weight": (levels, hidden, inputs),
        "second.weight": (levels, out, hidden),
        "scores.weight": (levels, size, out),
    }
    arrays: dict[str, np.ndarray] = {
        "gains": np.array([300, 200, 120, 80, 40, 16], np.int32),
        "powers": powers.astype(np.int32),
        "first.bias": mixed_in((levels, 5, hidden), 7, 20000).astype(np.int32),
        "second.bias": mixed_in((levels, out), 8, 9000).astype(np.int32),
        "scores.bias": mixed_in((levels, size), 9, 5000).astype(np.int32),
        "first.shift": np.full((levels, hidden), 8, np.int8),
        "second.shift": np.full((levels, out), 7, np.int8),
        "scores.shift": np.full(levels, 5, np.int8),
    }
    for number, (name, shape) in enumerate(shapes.items()):
        arrays[name] = mixed_in(shape, number, 127).astype(np.int8)
    facts = {"kind": "context", "window": "1", "previous": "1", "sum_shift": "7"}
    return save(arrays, metadata=facts)


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Return numbers below 2^31 that look random."""
    return (numbers + 1) * 48_271 % 2_147_483_647 * 69_621 % 2_147_483_647


def mixed_in(shape: tuple[int, ...], seed: int, most: int) -> np.ndarray:
    """Return numbers from -most to most that look random."""
    count = int(np.prod(shape))
    return (mixed(np.arange(count) + 100_003 * seed) % (2 * most + 1) - most).reshape(shape)


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


TABLES = {"static.safetensors": static_tables, "context.safetensors": context_tables}
MAKERS = (
    *(mono, stereo, live, empty, extended, newer),
    *(strides, segments, coded_static, coded_context),
)
FILES = {maker.__name__: maker for maker in MAKERS}


def contents(data: bytes) -> dict[str, object]:
    """Return what a reader must find, for expected.json."""
    reader = Reader(io.BytesIO(data))
    for name in TABLES:
        tables = read_tables(HERE / name).tables
        if tables.identity == reader.header.entropy_tables:
            reader.tables = tables
    items = list(reader)
    return {
        "packets": [
            {"first_frame": item.first_frame, "indices": item.indices.tolist()}
            | ({} if item.scales is None else {"scales": item.scales.tolist()})
            for item in items
            if not isinstance(item, Gap)
        ],
        "gaps": [[item.first_frame, item.frames] for item in items if isinstance(item, Gap)],
        "source_samples": reader.source_samples,
    }


def main(folder: Path) -> None:
    """Write every file that is not there yet, and expected.json."""
    for name, maker in TABLES.items():
        with (folder / name).open("xb") as file:
            file.write(maker())
    made = {name: maker() for name, maker in FILES.items()}
    for name, data in made.items():
        with (folder / f"{name}.codes").open("xb") as file:
            file.write(data)
    expected = {name: contents(data) for name, data in made.items() if name != "newer"}
    with (folder / "expected.json").open("x") as text:
        json.dump(expected, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
