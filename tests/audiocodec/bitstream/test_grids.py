"""Levels at frame rates of their own, scales of segments, and layers of any height."""

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream import Gap, Header, Packet, Reader, Writer
from audiocodec.bitstream.checksum import crc32c
from audiocodec.bitstream.chunks import Chunk, ChunkHead, keep_levels
from audiocodec.bitstream.header_bytes import header_from_bytes, header_to_bytes
from audiocodec.bitstream.unpacking import unpack_chunk
from audiocodec.errors import Corrupt, FormatError

SNAC = Header(
    sample_rate_hz=24000,
    hop_samples=512,
    codebook_sizes=(4096,) * 3,
    source_sample_rate_hz=24000,
    level_strides=(4, 2, 1),
)
ENCODEC = Header(
    sample_rate_hz=48000,
    hop_samples=320,
    codebook_sizes=(1024,) * 4,
    source_sample_rate_hz=48000,
    channels=2,
    rows=2,
    segment_frames=150,
    segment_samples=47520,
)


def codes_of(header: Header, frames: int) -> np.ndarray:
    codes = np.random.default_rng(frames).integers(
        0, min(header.codebook_sizes), (header.rows, header.levels, frames), np.int32
    )
    for level, stride in enumerate(header.strides):
        codes[:, level] = codes[:, level, ::stride].repeat(stride, axis=1)[:, :frames]
    return codes


def read(data: bytes, **options: int) -> list[Packet]:
    return [item for item in Reader(io.BytesIO(data), strict=True, **options)]  # type: ignore[arg-type, misc]


@settings(max_examples=40, deadline=None)
@given(
    grains=st.integers(0, 40),
    pieces=st.integers(1, 3),
    chunk_frames=st.integers(1, 50),
    strides=st.sampled_from([(4, 2, 1), (8, 4, 2), (1, 1, 1), (3, 2, 1), (1, 2, 6)]),
    layer_levels=st.integers(1, 4),
)
def test_strides_come_back(
    grains: int, pieces: int, chunk_frames: int, strides: tuple[int, ...], layer_levels: int
) -> None:
    header = replace(SNAC, level_strides=strides, layer_levels=layer_levels)
    grain = header.grain_frames
    codes = codes_of(header, grains * grain)
    file = io.BytesIO()
    writer = Writer(file, header, chunk_frames=chunk_frames)
    borders = [grains * piece // pieces * grain for piece in range(pieces + 1)]
    for begin, end in pairwise(borders):
        writer.write(codes[:, :, begin:end])
    writer.finish()
    found = [packet.indices for packet in read(file.getvalue())]
    assert np.array_equal(np.concatenate([codes[:, :, :0], *found], axis=2), codes)


def test_a_coarse_level_takes_few_bytes() -> None:
    file = io.BytesIO()
    Writer(file, SNAC, chunk_frames=48).write(codes_of(SNAC, 48))
    # Sync, kind, two bytes of length, three of head; 12, 24 and 48 codes of 12 bits; crc.
    assert len(file.getvalue()) - file.getvalue().index(b"\xd5C") == 7 + 84 * 12 // 8 + 4


def test_codes_that_change_within_a_stride_are_refused() -> None:
    codes = codes_of(SNAC, 8)
    codes[0, 0, 1] ^= 1
    with pytest.raises(ValueError, match="codes of level 1 change within 4 frames"):
        Writer(io.BytesIO(), SNAC).write(codes)
    with pytest.raises(FormatError, match="2 level_strides for 3 levels"):
        replace(SNAC, level_strides=(2, 1))
    with pytest.raises(FormatError, match="least common multiple"):
        replace(SNAC, level_strides=(1023, 1022, 1))


def test_chunks_off_the_border_are_damage() -> None:
    file = io.BytesIO()
    writer = Writer(file, SNAC, chunk_frames=4)
    writer.write(codes_of(SNAC, 8))
    data = bytearray(file.getvalue())
    place = data.rindex(b"\xd5C")
    data[place + 3] = 6  # first frame 6
    data[-4:] = crc32c(bytes(data[place:-4])).to_bytes(4, "little")
    _, gap = Reader(io.BytesIO(data))
    assert isinstance(gap, Gap) and "may begin only at multiples of 4" in gap.reason
    writer.skip(2)
    with pytest.raises(
        ValueError, match="cannot have frames 10 to 13: it begins at a multiple of 4"
    ):
        writer.write(codes_of(SNAC, 4))
    writer = Writer(io.BytesIO(), SNAC)
    writer.write(codes_of(SNAC, 8)[:, :, :6])
    with pytest.raises(ValueError, match="frames 0 to 5: .* has a multiple of 4"):
        writer.finish()


class TestScales:
    def test_come_back_in_any_split(self) -> None:
        codes = codes_of(ENCODEC, 400)
        scales = np.linspace(0.1, 7, 6, dtype=np.float32).reshape(2, 3)
        made = []
        for cuts in ((400,), (150, 300, 400), (300, 400)):
            file = io.BytesIO()
            writer, begin = Writer(file, ENCODEC), 0
            for end in cuts:
                part = scales[:, -(-begin // 150) : -(-end // 150)]
                writer.write(codes[:, :, begin:end], part)
                begin = end
            writer.finish()
            made.append(file.getvalue())
        assert made[0] == made[1] == made[2]
        packets = read(made[0])
        assert [packet.first_frame for packet in packets] == [0, 150, 300]
        found = np.concatenate([p.scales for p in packets if p.scales is not None], axis=1)
        assert np.array_equal(found, scales)

    def test_are_needed(self) -> None:
        writer = Writer(io.BytesIO(), ENCODEC)
        with pytest.raises(ValueError, match="expected 1 finite scales for each of 2 rows"):
            writer.write(codes_of(ENCODEC, 10))
        with pytest.raises(ValueError, match="finite"):
            writer.write(codes_of(ENCODEC, 10), np.full((2, 1), np.nan, np.float32))

    def test_that_are_not_finite_are_damage(self) -> None:
        layer = bytes(2 * 4 * 2 * 10)
        head = ChunkHead(0, 10, 4, (len(layer),))
        nan = np.full((2, 1), np.nan, "<f4").tobytes()
        with pytest.raises(Corrupt, match="not a finite number"):
            unpack_chunk(Chunk(head, (layer,), nan), ENCODEC, 4)

    def test_segments_overlap(self) -> None:
        assert ENCODEC.coded_samples(150) == 47520
        assert ENCODEC.coded_samples(149) == 149 * 320 - 160
        assert ENCODEC.coded_samples(301) == 2 * 47520 + 320
        with pytest.raises(FormatError, match="segment_samples is 0; expected 1 to 48000"):
            replace(ENCODEC, segment_samples=0)
        with pytest.raises(FormatError, match="segment_samples is 5"):
            replace(ENCODEC, segment_frames=0, segment_samples=5)

    def test_the_header_keeps_them(self) -> None:
        for header in (ENCODEC, SNAC, replace(SNAC, layer_levels=1)):
            assert header_from_bytes(header_to_bytes(header)) == header


def test_levels_are_kept_without_unpacking() -> None:
    header = replace(ENCODEC, codebook_sizes=(1024,) * 6, segment_frames=0, segment_samples=0)
    file = io.BytesIO()
    codes = codes_of(header, 20)
    Writer(file, header, chunk_frames=20).write(codes)
    head = ChunkHead(0, 20, 6, (200, 100))
    data = file.getvalue()
    start = data.index(b"\xd5C") + 7
    chunk = Chunk(head, (data[start : start + 200], data[start + 204 : start + 304]))
    for levels in range(1, 7):
        kept = keep_levels(chunk, header, levels)
        assert kept is not None and kept.head.levels == levels
        assert np.array_equal(unpack_chunk(kept, header, 6).indices, codes[:, :levels])
    coded = replace(chunk, head=replace(head, sizes=(150, 100), coded=True))
    assert keep_levels(coded, header, 3) is None, "a coded layer cannot be divided"
    assert keep_levels(coded, header, 4).head == ChunkHead(0, 20, 4, (150,), True)  # type: ignore[union-attr]
    assert keep_levels(coded, header, 5).head.sizes == (150, 50)  # type: ignore[union-attr]
