"""What was written is what is read: whole, by levels, from the middle, and from live streams."""

import io
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from typing import BinaryIO, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream import Gap, Header, Packet, Reader, Writer
from audiocodec.errors import FormatError, Truncated, UnsupportedLevels

HEADER = Header(
    sample_rate_hz=24000, hop_samples=480, codebook_sizes=(1024,) * 4, source_sample_rate_hz=48000
)


def file_of(
    codes: np.ndarray, header: Header = HEADER, *, chunk_frames: int | None = None
) -> io.BytesIO:
    file = io.BytesIO()
    writer = Writer(file, header, chunk_frames=chunk_frames)
    writer.write(codes)
    writer.finish()
    file.seek(0)
    return file


def codes_of(reader: Reader) -> np.ndarray:
    packets: list[Packet] = []
    for item in reader:
        assert isinstance(item, Packet), item
        assert item.first_frame == sum(p.indices.shape[2] for p in packets)
        packets.append(item)
    return np.concatenate([packet.indices for packet in packets], axis=2)


def some_codes(frames: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 1024, (1, 4, frames)).astype(np.int32)


class OnlyRead:
    """A stream that can do nothing but read(), and gives what it likes at a time."""

    def __init__(self, data: bytes, at_most: int = 1 << 30) -> None:
        self._file = io.BytesIO(data)
        self._at_most = at_most

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._at_most))


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(1, 3),
    sizes=st.lists(st.sampled_from([1, 2, 3, 5, 256, 1000, 1024, 1 << 24]), min_size=1, max_size=5),
    frames=st.integers(1, 40),
    chunk_frames=st.integers(1, 45),
    levels=st.integers(1, 5),
    at_most=st.integers(1, 300),
    seed=st.integers(0, 2**32),
)
def test_round_trip(
    rows: int,
    sizes: list[int],
    frames: int,
    chunk_frames: int,
    levels: int,
    at_most: int,
    seed: int,
) -> None:
    header = replace(HEADER, rows=rows, codebook_sizes=tuple(sizes))
    shape = (rows, len(sizes), frames)
    codes = np.random.default_rng(seed).integers(0, np.array(sizes)[:, None], shape)
    file = file_of(codes, header, chunk_frames=chunk_frames)
    levels = min(levels, len(sizes))
    stream = cast(BinaryIO, OnlyRead(file.getvalue(), at_most))
    for source in (file, stream):
        reader = Reader(source, levels=levels, strict=True)
        assert reader.header == header
        decoded = codes_of(reader)
        assert decoded.dtype == np.int32
        assert np.array_equal(decoded, codes[:, :levels])
        assert reader.has_trailer
        assert reader.frames == frames


def test_no_frames_at_all() -> None:
    reader = Reader(file_of(np.empty((1, 4, 0), np.int32)), strict=True)
    assert list(reader) == []
    assert reader.has_trailer
    assert reader.source_samples == 0


@pytest.mark.parametrize("levels", [0, 5, -1])
def test_levels_that_the_codec_does_not_have(levels: int) -> None:
    with pytest.raises(UnsupportedLevels, match="choose 1 to 4"):
        Reader(file_of(some_codes(3)), levels=levels)


def test_a_loop_that_was_left_can_be_taken_up_again() -> None:
    reader = Reader(file_of(some_codes(30), chunk_frames=10))
    for item in reader:
        assert item.first_frame == 0
        break
    assert [item.first_frame for item in reader] == [10, 20]
    assert list(reader) == []


def test_a_live_stream_is_never_asked_for_bytes_that_are_not_yet_there() -> None:
    class Live:
        def __init__(self) -> None:
            self.waiting = bytearray()

        def write(self, data: memoryview) -> int:
            self.waiting += data
            return len(data)

        def read(self, size: int) -> bytes:
            assert size <= len(self.waiting), "the reader would hang here"
            taken = bytes(self.waiting[:size])
            del self.waiting[:size]
            return taken

    live = cast(BinaryIO, Live())
    writer = Writer(live, HEADER, chunk_frames=5)
    items = iter(Reader(live))
    codes = some_codes(40)
    for start in range(0, 40, 5):
        writer.write(codes[:, :, start : start + 5])
        packet = next(items)
        assert isinstance(packet, Packet)
        assert np.array_equal(packet.indices, codes[:, :, start : start + 5])


def test_a_real_pipe_yields_each_chunk_when_it_arrives() -> None:
    receiving, sending = os.pipe()
    with os.fdopen(receiving, "rb") as source, os.fdopen(sending, "wb", buffering=0) as sink:
        writer = Writer(cast(BinaryIO, sink), HEADER, chunk_frames=5)
        reader = Reader(source)
        for start in (0, 5):
            writer.write(some_codes(5))
            assert next(iter(reader)).first_frame == start
        writer.finish(9000)
        sink.close()
        assert list(reader) == []
        assert reader.source_samples == 9000
        with pytest.raises(FormatError, match="cannot be seeked"):
            reader.seek_frame(0)


class TestLengthOfTheSource:
    def test_the_trailer_knows_best(self) -> None:
        file = io.BytesIO()
        writer = Writer(file, replace(HEADER, source_samples=1000))
        writer.write(some_codes(1))
        writer.finish(900)
        file.seek(0)
        reader = Reader(file)
        list(reader)
        assert reader.source_samples == 900

    def test_the_header_is_what_the_trailer_repeats(self) -> None:
        reader = Reader(file_of(some_codes(1), replace(HEADER, source_samples=901)))
        list(reader)
        assert reader.source_samples == 901

    @pytest.mark.parametrize(("known", "expected"), [(None, 4800), (4321, 4321), (10**12, 4800)])
    def test_without_a_trailer_frames_limit_it(self, known: int | None, expected: int) -> None:
        file = io.BytesIO()
        writer = Writer(file, replace(HEADER, source_samples=known), chunk_frames=5)
        writer.write(some_codes(7))
        file.seek(0)
        reader = Reader(file)
        items = list(reader)
        assert not reader.has_trailer
        assert reader.source_samples == expected  # 5 frames of 480 samples at twice the rate
        reasons = [item.reason for item in items if isinstance(item, Gap)]
        assert reasons == (
            ["the file ends after 4800 of 1000000000000 samples"] * (known == 10**12)
        )
        file.seek(0)
        with pytest.raises(Truncated, match="no trailer"):
            list(Reader(file, strict=True))


class TestSeeking:
    codes = some_codes(400)
    file = file_of(codes, chunk_frames=3)

    @pytest.mark.parametrize("frame", [0, 1, 2, 3, 23, 24, 25, 100, 396, 398, 399])
    def test_any_frame(self, frame: int) -> None:
        self.file.seek(0)
        reader = Reader(self.file, strict=True)
        reader.seek_frame(frame)
        first, *rest = reader
        assert isinstance(first, Packet)
        assert first.first_frame == frame - frame % 3
        assert np.array_equal(first.indices, self.codes[:, :, first.first_frame : first.end_frame])
        assert len(rest) == 133 - frame // 3
        assert reader.has_trailer

    def test_behind_the_end(self) -> None:
        self.file.seek(0)
        reader = Reader(self.file, strict=True)
        reader.seek_frame(400)
        assert list(reader) == []

    def test_back_to_the_beginning(self) -> None:
        self.file.seek(0)
        reader = Reader(self.file, strict=True)
        list(reader)
        reader.seek_frame(0)
        assert np.array_equal(codes_of(reader), self.codes)

    def test_the_index_saves_reading(self) -> None:
        read = 0

        class Counting(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                nonlocal read
                data = super().read(size)
                read += len(data)
                return data

            read1 = None  # type: ignore[assignment]

        reader = Reader(Counting(self.file.getvalue()))
        reader.seek_frame(390)
        next(iter(reader))
        assert read < 800 < len(self.file.getvalue()) / 4

    def test_files_that_do_not_begin_at_the_beginning(self) -> None:
        file = io.BytesIO(b"something else" + self.file.getvalue())
        file.seek(14)
        reader = Reader(file, strict=True)
        reader.seek_frame(200)
        assert next(iter(reader)).first_frame == 198

    @pytest.mark.parametrize("cut", [1, 4, 5, 30, 200])
    def test_without_a_good_trailer(self, cut: int) -> None:
        reader = Reader(io.BytesIO(self.file.getvalue()[:-cut]))
        reader.seek_frame(200)
        assert next(iter(reader)).first_frame == 198

    def test_gaps_before_the_place_are_not_told(self) -> None:
        data = bytearray(self.file.getvalue())
        data[100] ^= 1
        reader = Reader(io.BytesIO(data))
        reader.seek_frame(21)
        assert all(isinstance(item, Packet) for item in reader)


def test_the_index_stays_small_however_long_the_stream() -> None:
    header = replace(HEADER, codebook_sizes=(2,))
    file = io.BytesIO()
    writer = Writer(file, header, chunk_frames=1)
    writer.write(np.zeros((1, 1, 9000), np.int32))
    before = file.tell()
    writer.finish()
    assert file.tell() - before < 1024 * 3
    reader = Reader(file_of(np.zeros((1, 1, 9000), np.int32), header, chunk_frames=1), strict=True)
    for frame in (1, 15, 16, 17, 8191, 8192, 8999):
        reader.seek_frame(frame)
        assert next(iter(reader)).first_frame == frame


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(frames: int) -> int:
        data = file_of(some_codes(frames)).getvalue()
        tracemalloc.start()
        for _ in Reader(io.BytesIO(data)):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    # Both files are larger than what is read ahead, which a smaller one would not fill.
    assert peak(160_000) < peak(40_000) + 100_000


def test_torch_is_never_imported() -> None:
    program = (
        "import audiocodec.bitstream, audiocodec.atomic, sys;"
        "sys.exit(any(name.partition('.')[0] in {'torch', 'soundfile'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
