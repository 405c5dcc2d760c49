"""Damage costs its own chunk, is reported, and never more time or memory than the bytes deserve."""

import io
import time
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream import Gap, Header, Packet, Reader, Writer, summary
from audiocodec.bitstream.chunks import Chunk, ChunkHead, build_chunk
from audiocodec.bitstream.preamble import MAGIC, build_preamble
from audiocodec.bitstream.records import HEADER_AGAIN, TRAILER, build_record
from audiocodec.bitstream.varint import varint
from audiocodec.errors import (
    Corrupt,
    FormatError,
    NotACodesFile,
    Truncated,
    UnsupportedVersion,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "bitstream"
MONO = (GOLDEN / "mono.codes").read_bytes()
STEREO = (GOLDEN / "stereo.codes").read_bytes()
HEADER = Header(
    sample_rate_hz=24000, hop_samples=480, codebook_sizes=(1024,) * 4, source_sample_rate_hz=24000
)
PREAMBLE = build_preamble(HEADER)


def items_of(data: bytes) -> list[Packet | Gap]:
    return list(Reader(io.BytesIO(data)))


def gaps_of(data: bytes) -> list[Gap]:
    return [item for item in items_of(data) if isinstance(item, Gap)]


@cache
def packets_by_frame(data: bytes) -> dict[int, Packet]:
    return {item.first_frame: item for item in items_of(data) if isinstance(item, Packet)}


def check_loss(original: bytes, damaged: bytes) -> int:
    """Return the number of chunks that are lost; the rest must be as it was, and gaps add up.

    A chunk may have lost its higher layers, when a gap says so.
    """
    whole = packets_by_frame(original)
    intact = 0
    next_frame = 0
    reason = ""
    for item in items_of(damaged):
        assert item.first_frame == next_frame, "items must follow each other"
        next_frame = item.end_frame
        if isinstance(item, Packet):
            before = whole[item.first_frame].indices
            assert np.array_equal(item.indices, before[:, : item.levels])
            if item.levels < before.shape[1]:
                assert item.levels == 4, "a whole layer is left"
                assert f"levels 5 to 6 of frames {item.first_frame} to " in reason
            intact += 1
        else:
            reason = item.reason
    return len(whole) - intact


def preamble_bytes(data: bytes) -> int:
    return 11 + int.from_bytes(data[9:11], "little") + 4


@pytest.mark.parametrize(
    ("data", "flip", "step"),
    [(MONO, 0x01, 1), (MONO, 0x10, 1), (MONO, 0x80, 1), (MONO, 0xFF, 1), (STEREO, 0x20, 3)],
    ids=["mono-01", "mono-10", "mono-80", "mono-ff", "stereo-20"],
)
def test_every_flipped_byte(data: bytes, flip: int, step: int) -> None:
    known = gaps_of(data)
    for position in range(0, len(data), step):
        damaged = bytearray(data)
        damaged[position] ^= flip
        if position < preamble_bytes(data):
            with pytest.raises(FormatError):
                items_of(bytes(damaged))
            continue
        assert check_loss(data, bytes(damaged)) <= 1
        assert gaps_of(bytes(damaged)) != known, "damage must be reported"
        with pytest.raises((Corrupt, Truncated)):
            list(Reader(io.BytesIO(damaged), strict=True))


@pytest.mark.parametrize(("data", "step"), [(MONO, 1), (STEREO, 3)], ids=["mono", "stereo"])
def test_every_truncation(data: bytes, step: int) -> None:
    for size in range(preamble_bytes(data)):
        with pytest.raises(Truncated if size else NotACodesFile):
            items_of(data[:size])
    least = len(packets_by_frame(data))
    for size in range(preamble_bytes(data), len(data), step):
        lost = check_loss(data, data[:size])
        assert lost <= least, "a longer file cannot hold fewer chunks"
        least = lost
        with pytest.raises((Truncated, Corrupt)):
            list(Reader(io.BytesIO(data[:size]), strict=True))
    assert least == 0  # the last cuts hit only trailer and footer


def test_a_cut_costs_no_complete_chunk() -> None:
    file = io.BytesIO()
    writer = Writer(file, HEADER, chunk_frames=5)
    ends = []
    for _ in range(4):
        writer.write(np.zeros((1, 4, 5), np.int32))
        ends.append(file.tell())
    writer.finish()
    for size in range(len(PREAMBLE), len(file.getvalue())):
        packets = [i for i in items_of(file.getvalue()[:size]) if isinstance(i, Packet)]
        assert len(packets) == sum(end <= size for end in ends)


@settings(max_examples=100, deadline=None)
@given(
    start=st.integers(0, len(STEREO)),
    removed=st.integers(0, 200),
    inserted=st.binary(max_size=200),
)
def test_bytes_that_were_removed_inserted_or_replaced(
    start: int, removed: int, inserted: bytes
) -> None:
    damaged = STEREO[:start] + inserted + STEREO[start + removed :]
    try:
        lost = check_loss(STEREO, damaged)
    except FormatError:
        assert start < preamble_bytes(STEREO)
    else:
        # The shortest chunk takes 13 bytes, and one more may be hit at either side.
        assert lost <= removed // 13 + 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", MAGIC, MAGIC + b"\x01", PREAMBLE]))
def test_garbage_ends_in_a_documented_error_or_in_gaps(garbage: bytes, start: bytes) -> None:
    for strict in (False, True):
        try:
            items = list(Reader(io.BytesIO(start + garbage), strict=strict))
        except FormatError:
            continue
        assert not any(isinstance(item, Packet) for item in items)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"C", b"H", b"T", b"Q"]), st.binary(min_size=4, max_size=60))
def test_any_body_under_a_good_checksum(kind: bytes, body: bytes) -> None:
    data = PREAMBLE + build_record(kind, body) + MONO[preamble_bytes(MONO) :]
    try:
        items_of(data)
        summary(io.BytesIO(data))
        reader = Reader(io.BytesIO(data + build_record(kind, body) + b"\x10\0\0\0"))
        reader.seek_frame(5)
        list(reader)
    except FormatError:
        pass


class TestTheBeginning:
    @pytest.mark.parametrize("data", [b"", b"RIFF....WAVEfmt ", b"\x80" * 40, b"\x89PNG\r\n\x1a\n"])
    def test_other_files(self, data: bytes) -> None:
        with pytest.raises(NotACodesFile, match="expected it to begin with 89 43 4f 44 45 53"):
            Reader(io.BytesIO(data))

    @pytest.mark.parametrize("change", [(b"\r\n", b"\n"), (b"\x89", b"\x09")])
    def test_text_transfers_are_named(self, change: tuple[bytes, bytes]) -> None:
        with pytest.raises(Corrupt, match="send it again as binary"):
            Reader(io.BytesIO(MONO.replace(*change)))

    def test_a_newer_version_is_named(self) -> None:
        newer = MONO[:8] + b"\x02" + b"whatever it may look like"
        with pytest.raises(UnsupportedVersion, match="version 2; this program reads .* up to 1"):
            Reader(io.BytesIO(newer))

    def test_version_0_does_not_exist(self) -> None:
        with pytest.raises(Corrupt, match="version 0"):
            Reader(io.BytesIO(MONO[:8] + b"\x00" + MONO[9:]))


class TestHeaderAgain:
    file = io.BytesIO()
    writer = Writer(file, HEADER, chunk_frames=50)
    writer.write(np.arange(4 * 2400, dtype=np.int32).reshape(1, 4, 2400) % 1024)
    writer.finish()
    data = file.getvalue()

    @pytest.mark.parametrize("position", [0, 4, 7, 9, 10, 11, 20, len(PREAMBLE) - 1])
    def test_replaces_a_damaged_preamble(self, position: int) -> None:
        damaged = bytearray(self.data)
        damaged[position] ^= 0x40
        reader = Reader(io.BytesIO(damaged))
        assert reader.header == HEADER
        gap, *packets = reader
        assert isinstance(gap, Gap)
        assert gap.frames == 0
        assert len(packets) == 48
        reader.seek_frame(1000)
        assert next(iter(reader)).first_frame == 1000
        with pytest.raises((Corrupt, Truncated)):
            Reader(io.BytesIO(damaged), strict=True)

    def test_comes_every_64_kib(self) -> None:
        file = io.BytesIO()
        writer = Writer(file, HEADER)
        writer.write(np.zeros((1, 4, 50 * 2000), np.int32))
        assert file.getvalue().count(b"\xd5" + HEADER_AGAIN) == file.tell() // 65536

    def test_one_of_a_newer_version_is_named(self) -> None:
        record = build_record(HEADER_AGAIN, b"\x03newer")
        with pytest.raises(UnsupportedVersion, match="version 3"):
            Reader(io.BytesIO(b"\x00" + MONO[1:] + record))


class TestReports:
    def chunk(self, first_frame: int) -> bytes:
        return build_chunk(HEADER, Chunk(ChunkHead(first_frame, 1, 1, (2,)), (b"\x12\x40",)))

    def reasons(self, data: bytes) -> list[tuple[int, int, str]]:
        return [(i.first_frame, i.frames, i.reason) for i in items_of(data) if isinstance(i, Gap)]

    def test_missing_chunks(self) -> None:
        data = PREAMBLE + self.chunk(0) + self.chunk(3)
        assert self.reasons(data) == [(1, 2, "frames 1 to 2 are missing")]

    def test_chunks_out_of_order(self) -> None:
        data = PREAMBLE + self.chunk(2) + self.chunk(0) + self.chunk(3)
        (_, (first, frames, reason)) = self.reasons(data)
        assert (first, frames) == (3, 0)
        assert "begins at frame 0; expected 3 or later" in reason

    def test_codes_that_the_codebook_does_not_have(self) -> None:
        record = build_chunk(HEADER, Chunk(ChunkHead(10, 1, 3, (6,)), (b"\0\0\0\0\xfa\0",)))
        data = MONO[: preamble_bytes(MONO)] + record
        ((first, _, reason),) = self.reasons(data)
        assert first == 0
        assert "a code of level 3 is 1000, but its codebook has 1000 entries" in reason

    @pytest.mark.parametrize("levels", [0, 5, 0x84])
    def test_levels_that_the_codec_does_not_have(self, levels: int) -> None:
        record = build_record(b"C", bytes([0, 1, levels, 0x12, 0x40]))
        ((_, _, reason),) = self.reasons(PREAMBLE + record)
        assert f"levels of a chunk is {levels}; expected 1 to 4" in reason

    def test_bytes_behind_the_end(self) -> None:
        ((first, frames, reason),) = self.reasons(MONO + MONO)
        assert (first, frames) == (10, 0)
        assert "bytes follow the end of the codes, at byte 171" in reason

    def test_lost_frames_at_the_end(self) -> None:
        trailer = build_record(TRAILER, varint(9) + bytes(3))
        data = PREAMBLE + self.chunk(0) + trailer + len(trailer).to_bytes(4, "little")
        assert self.reasons(data) == [(1, 8, "frames 1 to 8 are missing")]

    def test_a_trailer_that_counts_too_few(self) -> None:
        trailer = build_record(TRAILER, bytes(4))
        data = PREAMBLE + self.chunk(0) + trailer + len(trailer).to_bytes(4, "little")
        assert self.reasons(data) == [(1, 0, "the trailer counts 0 frames, after 1")]


class TestBombs:
    huge = Header(
        sample_rate_hz=10_000_000,
        hop_samples=1 << 20,
        codebook_sizes=(1 << 24,) * 64,
        source_sample_rate_hz=10_000_000,
        source_samples=1 << 48,
        rows=1024,
    )

    @pytest.mark.parametrize(
        "tail",
        [
            b"\xd5C" + varint(1 << 20) + b"\x00\xff\xff\x03\x40",
            build_record(b"C", b"\x00\xff\xff\x03\x40" + bytes(20)),
            build_record(TRAILER, varint(1 << 40) + varint(1 << 48) + varint(1 << 50) + b"\x01"),
            b"\xd5Z" + varint(1 << 20) + bytes(20),
        ],
    )
    def test_memory_follows_the_bytes_that_are_there(self, tail: bytes) -> None:
        data = build_preamble(self.huge) + tail
        assert len(data) < 200
        items_of(data)  # tables are made on first use
        tracemalloc.start()
        items = items_of(data)
        summary(io.BytesIO(data))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 300_000
        assert all(isinstance(item, Gap) for item in items)

    def test_dense_codes_unpack_into_bounded_memory(self) -> None:
        header = Header(
            sample_rate_hz=1, hop_samples=1, codebook_sizes=(2,), source_sample_rate_hz=1, rows=127
        )
        file = io.BytesIO()
        Writer(file, header, chunk_frames=65535).write(np.ones((127, 1, 65535), np.int32))
        file.seek(0)
        tracemalloc.start()
        (packet,) = Reader(file)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert isinstance(packet, Packet)
        assert packet.indices.all()
        assert peak < 80 * file.getbuffer().nbytes

    @pytest.mark.parametrize("kind", [HEADER_AGAIN, TRAILER])
    def test_time_follows_the_bytes_that_are_there(self, kind: bytes) -> None:
        marker = b"\xd5" + kind + varint(1 << 18)
        data = PREAMBLE + b"?" + marker * (1 << 17)
        start = time.perf_counter()
        with pytest.raises(Corrupt, match="too many false records"):
            items_of(data)
        assert time.perf_counter() - start < 10  # without the bound: hours

    def test_time_is_bounded_in_the_search_for_a_header_too(self) -> None:
        marker = b"\xd5" + HEADER_AGAIN + varint(1 << 18)
        with pytest.raises(Corrupt, match="too many false records"):
            items_of(MAGIC + bytes([1, 0, 0, 1, 2, 3, 4]) + marker * (1 << 17))
