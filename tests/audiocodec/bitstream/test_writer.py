"""What is written does not depend on how it was handed over, and what does not fit is refused."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream import Gap, Header, Packet, Reader, Writer
from audiocodec.bitstream.preamble import build_preamble
from audiocodec.errors import UnsupportedVersion

HEADER = Header(
    sample_rate_hz=24000,
    hop_samples=320,
    codebook_sizes=(1024, 1000),
    source_sample_rate_hz=24000,
    rows=2,
)


def codes(frames: int, levels: int = 2, header: Header = HEADER) -> np.ndarray:
    shape = (header.rows, levels, frames)
    return np.random.default_rng(frames).integers(0, 1000, shape).astype(np.int32)


def written(parts: list[np.ndarray], chunk_frames: int | None) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, HEADER, chunk_frames=chunk_frames)
    for part in parts:
        writer.write(part)
    writer.finish(12345)
    return file.getvalue()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=6), st.integers(1, 12))
def test_any_split_of_writes_gives_the_same_bytes(cuts: list[int], chunk_frames: int) -> None:
    whole = codes(30)
    split = np.split(whole, sorted(cuts), axis=2)
    assert written(split, chunk_frames) == written([whole], chunk_frames)


def test_a_chunk_leaves_as_soon_as_it_is_complete() -> None:
    file = io.BytesIO()
    writer = Writer(file, HEADER, chunk_frames=10)
    start = file.tell()
    writer.write(codes(9))
    assert file.tell() == start
    writer.write(codes(1))
    assert file.tell() > start


@pytest.mark.parametrize("frame_rate_hz", [50, 75])
def test_the_overhead_of_a_chunk_is_small(frame_rate_hz: int) -> None:
    header = replace(HEADER, hop_samples=24000 // frame_rate_hz, rows=1)
    file = io.BytesIO()
    writer = Writer(file, header)
    for _ in range(3600):
        writer.write(np.zeros((1, 2, frame_rate_hz), np.int32))
    payload = 3600 * 2 * -(-frame_rate_hz * 10 // 8)
    repeated_headers = file.tell() // 65536 * 100
    overhead = file.tell() - len(build_preamble(header)) - payload - repeated_headers
    assert overhead / 3600 <= 13


def test_the_default_chunk_is_about_a_second() -> None:
    packets = list(Reader(io.BytesIO(written([codes(200)], None))))
    assert [packet.end_frame for packet in packets] == [75, 150, 200]


def test_levels_may_change_and_end_a_chunk() -> None:
    data = written([codes(5), codes(7, levels=1), codes(2)], 10)
    shapes = [p.indices.shape for p in Reader(io.BytesIO(data)) if isinstance(p, Packet)]
    assert shapes == [(2, 2, 5), (2, 1, 7), (2, 2, 2)]


def test_skipped_frames_are_a_gap() -> None:
    file = io.BytesIO()
    writer = Writer(file, HEADER)
    writer.write(codes(5))
    writer.skip(7)
    writer.write(codes(3))
    writer.skip(2)
    writer.finish()
    file.seek(0)
    items = [(type(i), i.first_frame, i.end_frame) for i in Reader(file)]
    assert items == [(Packet, 0, 5), (Gap, 5, 12), (Packet, 12, 15), (Gap, 15, 17)]


def test_large_frames_make_short_chunks() -> None:
    header = Header(
        sample_rate_hz=100,
        hop_samples=1,
        codebook_sizes=(1 << 24,) * 64,
        source_sample_rate_hz=100,
        rows=1024,
    )
    file = io.BytesIO()
    writer = Writer(file, header, chunk_frames=50)
    frames = np.arange(1024 * 64 * 6, dtype=np.int32).reshape(1024, 64, 6)
    writer.write(frames)
    writer.finish()
    file.seek(0)
    packets = [packet for packet in Reader(file, strict=True) if isinstance(packet, Packet)]
    assert [packet.end_frame for packet in packets] == [5, 6]
    assert np.array_equal(np.concatenate([p.indices for p in packets], axis=2), frames)


@pytest.mark.parametrize(
    ("indices", "complaint"),
    [
        (np.zeros((2, 2), np.int32), r"expected integers \[R, K, F\]"),
        (np.zeros((2, 2, 1)), "got float64"),
        (np.zeros((1, 2, 1), np.int32), "expected 2 rows"),
        (np.zeros((2, 3, 1), np.int32), "1 to 2 levels"),
        (np.zeros((2, 0, 1), np.int32), "1 to 2 levels"),
        (np.full((2, 2, 1), 1000), "codes of level 2 are 1000 to 1000; expected 0 to 999"),
        (np.full((2, 2, 1), -1), "codes of level 1 are -1"),
    ],
)
def test_codes_that_do_not_fit_the_header(indices: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Writer(io.BytesIO(), HEADER).write(indices)


def test_nothing_can_follow_the_end() -> None:
    writer = Writer(io.BytesIO(), HEADER)
    writer.finish()
    with pytest.raises(ValueError, match="finished"):
        writer.finish()
    with pytest.raises(ValueError, match="finished"):
        writer.write(codes(1))
    with pytest.raises(ValueError, match="finished"):
        writer.skip(1)


def test_other_arguments_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="chunk_frames is 0"):
        Writer(io.BytesIO(), HEADER, chunk_frames=0)
    with pytest.raises(UnsupportedVersion, match="cannot write coding 2"):
        Writer(io.BytesIO(), replace(HEADER, coding=2))
    with pytest.raises(ValueError, match="cannot add -1 frames"):
        Writer(io.BytesIO(), HEADER).skip(-1)
    with pytest.raises(ValueError, match="cannot add"):
        Writer(io.BytesIO(), HEADER).skip(2**40 + 1)


class Sluggish(io.RawIOBase):
    """Takes a few bytes at a time, as sockets do, and at last none."""

    def __init__(self, room: int) -> None:
        self.taken = bytearray()
        self.room = room

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        some = bytes(memoryview(data)[:7])[: self.room - len(self.taken)]  # type: ignore[arg-type]
        self.taken += some
        return len(some)


def test_an_output_may_take_a_few_bytes_at_a_time() -> None:
    slow = Sluggish(10_000)
    writer = Writer(slow, HEADER, chunk_frames=10)  # type: ignore[arg-type]
    writer.write(codes(30))
    writer.finish(12345)
    assert bytes(slow.taken) == written([codes(30)], 10)


def test_an_output_that_takes_nothing_is_not_ignored() -> None:
    with pytest.raises(BlockingIOError, match="took none"):
        Writer(Sluggish(20), HEADER)  # type: ignore[arg-type]
