"""Entropy coded files: chunks are copied as they are; tables are needed only to divide one."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audiocodec import entropy_tables
from audiocodec.bitstream import Header, Packet, Reader, Writer
from audiocodec.edit import cat_files, cut_file, truncate_file, verify_file
from audiocodec.entropy_tables import TablesFile, read_tables
from audiocodec.errors import FormatError, WrongModel

GOLDEN = Path(__file__).parents[2] / "golden" / "bitstream"
TABLES = read_tables(GOLDEN / "context.safetensors").tables
HEADER = Header(
    sample_rate_hz=16000,
    hop_samples=320,
    codebook_sizes=(16,) * 6,
    source_sample_rate_hz=16000,
    source_samples=320 * 140 - 5,
    coding=1,
    entropy_tables=TABLES.identity,
    weights_sha256="ab" * 32,
)


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the golden tables those beside the embedded weights."""
    monkeypatch.setattr(entropy_tables, "embedded_tables", lambda: TablesFile(TABLES, "ab" * 32))


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    coder = TABLES.begin(HEADER, 140)
    return np.stack(coder.decode(np.random.default_rng(0).bytes(4000), 6), axis=1)


def written(codes: np.ndarray, header: Header = HEADER) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, header, tables=TABLES if header.coding else None)
    writer.write(codes)
    writer.finish()
    return file.getvalue()


def read(data: bytes) -> np.ndarray:
    packets = [p for p in Reader(io.BytesIO(data), strict=True, tables=TABLES)]
    return np.concatenate([p.indices for p in packets if isinstance(p, Packet)], axis=2)


def test_levels_are_cut_between_layers_without_tables(codes: np.ndarray) -> None:
    target = io.BytesIO()
    report = truncate_file(io.BytesIO(written(codes)), target, levels=4)
    assert target.getvalue() == written(codes[:, :4])
    assert report.levels == 4
    with pytest.raises(WrongModel, match="and none are at hand; give the model"):
        truncate_file(io.BytesIO(written(codes)), io.BytesIO(), levels=5)


@pytest.mark.usefixtures("at_hand")
def test_levels_are_cut_anywhere_with_tables(codes: np.ndarray) -> None:
    for levels in range(1, 7):
        target = io.BytesIO()
        truncate_file(io.BytesIO(written(codes)), target, levels=levels)
        assert target.getvalue() == written(codes[:, :levels]), levels


def test_a_cut_on_chunk_borders_needs_no_tables(codes: np.ndarray) -> None:
    target = io.BytesIO()
    cut_file(io.BytesIO(written(codes)), target, start_frame=50)
    assert np.array_equal(read(target.getvalue()), codes[:, :, 50:])
    with pytest.raises(WrongModel):
        cut_file(io.BytesIO(written(codes)), io.BytesIO(), start_frame=51)


@pytest.mark.usefixtures("at_hand")
def test_pieces_join_to_the_whole(codes: np.ndarray) -> None:
    pieces = []
    for start, end in ((None, 60), (60, 77), (77, None)):
        target = io.BytesIO()
        cut_file(io.BytesIO(written(codes)), target, start_frame=start, end_frame=end)
        pieces.append(io.BytesIO(target.getvalue()))
    joined = io.BytesIO()
    cat_files(pieces, joined)
    assert np.array_equal(read(joined.getvalue()), codes)
    packed = io.BytesIO(written(codes, replace(HEADER, coding=0, entropy_tables="")))
    mixed = io.BytesIO()
    cat_files([packed, io.BytesIO(written(codes))], mixed)
    assert np.array_equal(read(mixed.getvalue()), np.concatenate([codes, codes], axis=2))


def test_verify_needs_no_tables(codes: np.ndarray) -> None:
    found = verify_file(io.BytesIO(written(codes)))
    assert found.ok and found.summary is not None and found.summary.coded_chunks == 3
    data = bytearray(written(codes))
    data[data.index(b"\xd5C") + 20] ^= 1
    assert not verify_file(io.BytesIO(data)).ok


def test_strides_and_segments_move_cuts_to_their_borders() -> None:
    header = Header(
        sample_rate_hz=1000,
        hop_samples=10,
        codebook_sizes=(64, 64),
        source_sample_rate_hz=1000,
        source_samples=1995,
        level_strides=(4, 1),
    )
    codes = np.random.default_rng(0).integers(0, 64, (1, 2, 200), np.int32)
    codes[:, 0] = codes[:, 0, ::4].repeat(4, axis=1)
    target = io.BytesIO()
    report = cut_file(io.BytesIO(written(codes, header)), target, start_frame=6, end_frame=13)
    assert (report.first_frame, report.end_frame) == (4, 16)
    assert np.array_equal(read(target.getvalue()), codes[:, :, 4:20])
    pieces = [io.BytesIO(target.getvalue()), io.BytesIO(target.getvalue())]
    joined = io.BytesIO()
    assert cat_files(pieces, joined).frames == 12 + 16


def test_a_sound_that_ends_within_a_segment_can_only_be_the_last() -> None:
    header = Header(
        sample_rate_hz=1000,
        hop_samples=10,
        codebook_sizes=(64,),
        source_sample_rate_hz=1000,
        segment_frames=10,
        segment_samples=90,
    )

    def sound(frames: int) -> io.BytesIO:
        file = io.BytesIO()
        writer = Writer(file, header)
        segments = -(-frames // 10)
        scales = np.arange(segments, dtype=np.float32)[None]
        writer.write(np.zeros((1, 1, frames), np.int32), scales)
        writer.finish(header.samples_of(frames))
        return io.BytesIO(file.getvalue())

    joined = io.BytesIO()
    assert cat_files([sound(20), sound(13)], joined).source_samples == 180 + 90 + 30
    scales = [p.scales for p in Reader(io.BytesIO(joined.getvalue())) if isinstance(p, Packet)]
    assert np.concatenate(scales, axis=1).tolist() == [[0, 1, 0, 1]]  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="ends after 13 frames, .* multiple of 10"):
        cat_files([sound(13), sound(20)], io.BytesIO())
