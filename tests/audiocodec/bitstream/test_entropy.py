"""Entropy coding: exact, the same everywhere, and a chunk at a time."""

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream import Gap, Header, Packet, Reader, Writer, summary
from audiocodec.bitstream.chances import pull_codes, push_codes
from audiocodec.bitstream.chunks import MAX_CHUNK_HEAD, MAX_CODED_PLACES, least_bytes
from audiocodec.bitstream.context import STEPS, ContextTables, Layer
from audiocodec.bitstream.range_coder import TOTAL, RangeDecoder, RangeEncoder
from audiocodec.entropy_tables import read_tables
from audiocodec.errors import Corrupt, WrongModel

GOLDEN = Path(__file__).parents[2] / "golden" / "bitstream"
CONTEXT = read_tables(GOLDEN / "context.safetensors").tables
STATIC = read_tables(GOLDEN / "static.safetensors").tables
PLAIN = Header(
    sample_rate_hz=16000,
    hop_samples=320,
    codebook_sizes=(16,) * 6,
    source_sample_rate_hz=16000,
    rows=2,
    source_channels=2,
)
BOTH = pytest.mark.parametrize("tables", [CONTEXT, STATIC], ids=["context", "static"])


def header_of(tables: object) -> Header:
    return replace(PLAIN, coding=1, entropy_tables=getattr(tables, "identity"))  # noqa: B009


def likely(tables: object, frames: int) -> np.ndarray:
    """Codes [2, 6, F] that the tables think likely: what random bytes decode to."""
    coder = tables.begin(PLAIN, frames)  # type: ignore[attr-defined]
    noise = np.random.default_rng(frames).bytes(40 * frames)
    return np.stack(coder.decode(noise, 6), axis=1)


def written(tables: object, codes: np.ndarray, **options: int) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, header_of(tables), tables=tables, **options)  # type: ignore[arg-type]
    writer.write(codes)
    writer.finish()
    return file.getvalue()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_weights_of_any_kind_give_every_code_a_share(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([1, 2, 5, 16, 300]))
    weights = st.lists(st.sampled_from([0, 1, 7, 1 << 16]), min_size=size, max_size=size)
    rows = np.array(data.draw(st.lists(weights.filter(any), min_size=1, max_size=5)), np.int64)
    codes = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=len(rows),
                                        max_size=len(rows))), np.int32)  # fmt: skip
    encoder = RangeEncoder()
    push_codes(encoder, codes, rows)
    assert pull_codes(RangeDecoder(encoder.flush()), rows).tolist() == codes.tolist()


def test_shares_are_what_the_page_says() -> None:
    seen = []

    class Listening(RangeDecoder):
        def pull(self, starts: list[int]) -> int:  # type: ignore[override]
            seen.append(starts)
            return 0

    pull_codes(Listening(b""), np.array([[3, 0, 1]], np.int64))
    spread = TOTAL - 3
    assert seen == [[0, 3 * spread // 4 + 1, 3 * spread // 4 + 2]]


@BOTH
@settings(max_examples=25, deadline=None)
@given(frames=st.integers(1, 70), levels=st.integers(1, 6), seed=st.integers(0, 9))
def test_any_codes_come_back(tables: object, frames: int, levels: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 16, (2, levels, frames), np.int32)
    codes[:, :, : frames // 2] = likely(tables, frames)[:, :levels, : frames // 2]
    data = written(tables, codes, chunk_frames=32)
    packets = list(Reader(io.BytesIO(data), strict=True, tables=tables))  # type: ignore[arg-type]
    assert np.array_equal(np.concatenate([p.indices for p in packets], axis=2), codes)  # type: ignore[union-attr]
    fewer = Reader(io.BytesIO(data), levels=1, tables=tables)  # type: ignore[arg-type]
    assert np.array_equal(np.concatenate([p.indices for p in fewer], axis=2), codes[:, :1])  # type: ignore[union-attr]


@BOTH
def test_it_pays_and_falls_back_where_it_does_not(tables: object) -> None:
    codes = likely(tables, 200)
    found = summary(io.BytesIO(written(tables, codes)))
    assert found.coded_chunks == found.chunks == 4
    assert found.layer_bytes < 0.8 * found.packed_bytes == 0.8 * 4 * 50 * 6
    noise = np.random.default_rng(0).integers(0, 16, (2, 6, 200), np.int32)
    worst = summary(io.BytesIO(written(tables, noise)))
    assert worst.layer_bytes <= worst.packed_bytes
    plain = io.BytesIO()
    writer = Writer(plain, PLAIN)
    writer.write(noise)
    writer.finish()
    assert worst.file_bytes <= len(plain.getvalue()) + 11 + 4 * 3, "tag 13 and 16, and savings"


@BOTH
def test_damage_stays_in_its_chunk_and_layer(tables: object) -> None:
    codes = likely(tables, 150)
    data = written(tables, codes)
    whole = {p.first_frame: p for p in Reader(io.BytesIO(data), tables=tables)}  # type: ignore[arg-type]
    preamble = 11 + int.from_bytes(data[9:11], "little") + 4
    for position in range(preamble, len(data) - 20, 7):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        reader = Reader(io.BytesIO(damaged), tables=tables)  # type: ignore[arg-type]
        items = list(reader)
        assert any(isinstance(item, Gap) for item in items)
        packets = [item for item in items if isinstance(item, Packet)]
        assert len(packets) >= 2
        for packet in packets:
            before = whole[packet.first_frame].indices  # type: ignore[union-attr]
            assert packet.levels in (4, 6)
            assert np.array_equal(packet.indices, before[:, : packet.levels])


class Watched:
    """A file that can be seeked and remembers which of its bytes were read."""

    def __init__(self, data: bytes) -> None:
        self._file, self.seen = io.BytesIO(data), set[int]()
        self.seek, self.tell, self.seekable = self._file.seek, self._file.tell, lambda: True

    def read(self, size: int) -> bytes:
        place = self._file.tell()
        self.seen |= set(range(place, self._file.tell() + size))
        return self._file.read(size)


def test_layers_above_are_not_even_read() -> None:
    data = bytearray(written(STATIC, likely(STATIC, 100)))
    (first, _) = (item.chunk for item in Reader(io.BytesIO(data)).with_coded())  # type: ignore[union-attr]
    below = data.index(first.layers[1])
    file = Watched(bytes(data))
    packets = list(Reader(file, levels=4, strict=True, tables=STATIC))  # type: ignore[arg-type]
    assert [packet.levels for packet in packets] == [4, 4]  # type: ignore[union-attr]
    assert not file.seen & set(range(below + MAX_CHUNK_HEAD, below + len(first.layers[1])))
    data[below] ^= 1
    reader = Reader(io.BytesIO(data), levels=4, strict=True, tables=STATIC)
    assert len(list(reader)) == 2, "nor checked"
    with pytest.raises(Corrupt, match="levels 5 to 6 of frames 0 to 49 are lost"):
        list(Reader(io.BytesIO(data), strict=True, tables=STATIC))


def test_forged_chunks_cost_no_more_than_their_bytes() -> None:
    assert least_bytes(100) == 7
    wide = replace(PLAIN, rows=1024, coding=1, entropy_tables=CONTEXT.identity)
    file = io.BytesIO()
    Writer(file, wide, tables=CONTEXT, chunk_frames=20).write(np.zeros((1024, 6, 20), np.int32))
    assert MAX_CODED_PLACES < 1024 * 20
    assert summary(io.BytesIO(file.getvalue())).coded_chunks == 0


def test_tables_for_another_grid_are_refused() -> None:
    with pytest.raises(WrongModel, match="for 6 levels of 16 codes, one a frame"):
        CONTEXT.begin(replace(PLAIN, codebook_sizes=(16,) * 5), 10)
    with pytest.raises(WrongModel, match="one a frame"):
        CONTEXT.begin(replace(PLAIN, level_strides=(2, 2, 1, 1, 1, 1)), 10)
    with pytest.raises(WrongModel, match="other codebooks"):
        STATIC.begin(replace(PLAIN, codebook_sizes=(16,) * 5), 10)


def test_static_tables_take_strides() -> None:
    header = replace(header_of(STATIC), level_strides=(4, 2, 1, 1, 1, 1))
    codes = likely(STATIC, 40)
    for level, stride in enumerate(header.strides):
        codes[:, level] = codes[:, level, ::stride].repeat(stride, axis=1)
    file = io.BytesIO()
    writer = Writer(file, header, tables=STATIC)
    writer.write(codes)
    writer.finish()
    (packet,) = Reader(io.BytesIO(file.getvalue()), tables=STATIC, strict=True)
    assert isinstance(packet, Packet) and np.array_equal(packet.indices, codes)


def test_weights_that_float32_cannot_add_exactly_are_refused() -> None:
    layer = Layer(*(np.array(a, np.float32) for a in ([[127] * 518], [127 * 255], [8])))
    with pytest.raises(WrongModel, match="not exact in float32"):
        layer.check(255)
    half = Layer(*(np.array(a, np.float32) for a in ([[0.5]], [0], [8])))
    with pytest.raises(WrongModel, match="not exact"):
        half.check(255)


def test_the_network_is_what_the_page_says() -> None:
    """A second opinion, number by number in Python's own integers."""
    tables = CONTEXT
    assert isinstance(tables, ContextTables)
    frames, level = 23, 2
    codes = likely(tables, frames)[:1]
    seen: list[np.ndarray] = []
    coder = tables.begin(replace(PLAIN, rows=1), frames)
    weights = coder._weights
    coder._weights = lambda sums: seen.append(weights(sums)) or seen[-1]  # type: ignore[func-returns-value, method-assign]
    coder.encode([codes[:, k] for k in range(level + 1)])
    by_frame = iter(np.concatenate(seen[level * len(STEPS) :]))
    vectors = tables.vectors.astype(int).tolist()
    row = codes[0].tolist()
    network = tables.levels[level]

    def total(i: int) -> list[int]:
        parts = [[int(tables.gains[j]) * v for v in vectors[j][row[j][i]]] for j in range(level)]
        return [max(-255, min(255, sum(p) >> tables.sum_shift)) for p in zip(*parts, strict=True)]

    def dense(layer: Layer, x: list[int], bias: np.ndarray, low: float) -> list[int]:
        rows = zip(
            layer.weight.astype(int).tolist(), bias, np.atleast_1d(layer.shift), strict=False
        )
        sums = [
            sum(w * v for w, v in zip(ws, x, strict=True)) + int(b) >> int(s) for ws, b, s in rows
        ]
        return [int(max(low, min(255, s))) for s in sums]

    nothing = [0] * 3
    means = [sum(column) // frames for column in zip(*map(total, range(frames)), strict=True)]
    for number, step in enumerate(STEPS):
        places = range(0, frames, step) if number == 0 else range(step, frames, 2 * step)
        for f in places:
            x = [v for i in (f - 1, f, f + 1) for v in (total(i) if 0 <= i < frames else nothing)]
            x += means + vectors[level - 1][row[level - 1][f]]
            for i in (f - step, f + step):
                known = number > 0 and i < frames
                x += vectors[level][row[level][i]] if known else nothing
            h = dense(network.first, x, network.first.bias[number], 0)
            o = dense(network.second, h, network.second.bias, -255)
            shift = int(network.scores.shift)
            scores = [
                sum(int(w) * v for w, v in zip(ws, o, strict=True)) + int(b) >> shift
                for ws, b in zip(network.scores.weight, network.scores.bias, strict=True)
            ]
            last = len(tables.powers) - 1
            wanted = [int(tables.powers[min(max(scores) - s, last)]) for s in scores]
            assert next(by_frame).tolist() == wanted


def test_the_same_bytes_whatever_the_threads() -> None:
    """Encoded in processes with other numbers of threads, and without torch."""
    program = (
        "import sys, runpy, hashlib; sys.modules['torch'] = None\n"
        f"make = runpy.run_path({str(GOLDEN / 'make.py')!r})\n"
        "print(hashlib.sha256(make['coded_context']()).hexdigest())"
    )
    found = set()
    for threads in ("1", "3"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1
