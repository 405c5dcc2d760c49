"""Damaged files: what is lost is made up in its place, reported, and everything else is heard."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audiocodec.audio.read import open_sound
from audiocodec.bitstream.writer import Writer
from audiocodec.codec import Codec
from audiocodec.codes import Codes
from audiocodec.errors import AudioCodecError, Corrupt, FormatError, Truncated
from audiocodec.files import DecodeReport, decode_file
from audiocodec.packing import build_header

if TYPE_CHECKING:
    from typing_extensions import Buffer

FloatArray = NDArray[np.float32]
HOP, RATE, CHUNK_FRAMES = 16, 8000, 50
FRAMES = 6 * CHUNK_FRAMES
SAMPLES = FRAMES * HOP - 5
# Frames after which the tiny decoder has forgotten its past, counted generously.
MEMORY_FRAMES = 40


@pytest.fixture(scope="module")
def codes(tiny_codec: Codec) -> Codes:
    wav = np.random.default_rng(0).standard_normal((1, SAMPLES)) * 0.3
    return tiny_codec.encode(wav)


@pytest.fixture(scope="module")
def whole(tiny_codec: Codec, codes: Codes) -> FloatArray:
    wav: FloatArray = tiny_codec.decode(codes).numpy()[0]
    return wav


def packed(codes: Codes, *, length_known: bool = True, finish: bool = True) -> bytes:
    file = io.BytesIO()
    header = build_header(codes.spec, codes.source, codes.model, rows=1, length_known=length_known)
    writer = Writer(file, header, chunk_frames=CHUNK_FRAMES)
    writer.write(codes.indices)
    if finish:
        writer.finish(codes.source.samples)
    return file.getvalue()


def chunk_starts(data: bytes | bytearray) -> list[int]:
    """Return where the chunks begin: all are equally long but for bytes of their numbers."""
    starts = [i for i in range(len(data)) if data[i : i + 2] == b"\xd5C"]
    assert len(starts) == FRAMES // CHUNK_FRAMES, "a false marker: choose another seed"
    return starts


def decode(
    codec: Codec, data: bytes, folder: Path, *, strict: bool = False
) -> tuple[FloatArray, DecodeReport]:
    target = folder / "back.wav"
    report = decode_file(
        io.BytesIO(data), target, codec=codec, encoding="float32", strict=strict, overwrite=True
    )
    with open_sound(target) as sound:
        blocks = [np.zeros((1, 0), np.float32), *sound.blocks(1000)]
    wav = np.concatenate(blocks, axis=1)[0]
    assert report.samples == len(wav)
    return wav, report


def test_an_undamaged_file_has_no_gaps(
    tiny_codec: Codec, codes: Codes, whole: FloatArray, tmp_path: Path
) -> None:
    for known in (True, False):
        found, report = decode(tiny_codec, packed(codes, length_known=known), tmp_path)
        np.testing.assert_array_equal(found, whole)
        assert report.gaps == () and report.frames == FRAMES


@pytest.mark.parametrize("chunk", [0, 1, 3, 5])
def test_a_lost_chunk_costs_only_itself(
    tiny_codec: Codec, codes: Codes, whole: FloatArray, tmp_path: Path, chunk: int
) -> None:
    data = bytearray(packed(codes))
    data[chunk_starts(data)[chunk] + 20] ^= 0x10
    found, report = decode(tiny_codec, bytes(data), tmp_path)
    (gap,) = report.gaps
    assert (gap.first_frame, gap.frames) == (chunk * CHUNK_FRAMES, CHUNK_FRAMES)
    assert "checksum" in gap.reason
    assert len(found) == SAMPLES and report.frames == FRAMES
    begin, end = gap.first_frame * HOP, gap.end_frame * HOP
    np.testing.assert_array_equal(found[:begin], whole[:begin])
    after = end + MEMORY_FRAMES * HOP
    np.testing.assert_array_equal(found[after:], whole[after:])
    assert not found[begin + 480 : end].any(), "silence after 60 ms"
    assert found[begin : begin + 240].any() == (chunk > 0)


def test_strict_refuses_damage(tiny_codec: Codec, codes: Codes, tmp_path: Path) -> None:
    data = bytearray(packed(codes))
    data[chunk_starts(data)[2] + 20] ^= 0x10
    (tmp_path / "back.wav").write_bytes(b"mine")
    with pytest.raises(Corrupt):
        decode(tiny_codec, bytes(data), tmp_path, strict=True)
    assert (tmp_path / "back.wav").read_bytes() == b"mine"


def test_a_chunk_that_was_cut_out_is_made_up(
    tiny_codec: Codec, codes: Codes, whole: FloatArray, tmp_path: Path
) -> None:
    data = packed(codes)
    starts = chunk_starts(data)
    found, report = decode(tiny_codec, data[: starts[2]] + data[starts[4] :], tmp_path)
    (gap,) = report.gaps
    assert (gap.first_frame, gap.frames) == (2 * CHUNK_FRAMES, 2 * CHUNK_FRAMES)
    assert len(found) == SAMPLES
    np.testing.assert_array_equal(found[-HOP:], whole[-HOP:])


@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_was_cut_off_is_heard_to_its_end(
    tiny_codec: Codec, codes: Codes, whole: FloatArray, tmp_path: Path, known: bool
) -> None:
    data = packed(codes, length_known=known)
    cut = data[: chunk_starts(data)[3] + 7]
    found, report = decode(tiny_codec, cut, tmp_path)
    np.testing.assert_array_equal(found, whole[: 3 * CHUNK_FRAMES * HOP])
    assert report.frames == 3 * CHUNK_FRAMES
    assert [gap.frames for gap in report.gaps] == [0], "nobody knows how much is missing"
    with pytest.raises(Truncated):
        decode(tiny_codec, cut, tmp_path, strict=True)


def test_a_live_stream_that_was_left_is_whole(
    tiny_codec: Codec, codes: Codes, whole: FloatArray, tmp_path: Path
) -> None:
    data = packed(codes, length_known=False, finish=False)
    found, report = decode(tiny_codec, data, tmp_path)
    assert report.gaps == () and len(found) == FRAMES * HOP
    np.testing.assert_array_equal(found[:SAMPLES], whole)


def forged(codes: Codes, *, skip: int = 0, samples: int | None = None) -> bytes:
    """Return a file of 50 frames, `skip` lost ones and, as it says, `samples` samples."""
    file = io.BytesIO()
    header = build_header(codes.spec, codes.source, codes.model, rows=1, length_known=False)
    writer = Writer(file, header, chunk_frames=CHUNK_FRAMES)
    writer.write(codes.indices[..., :50])
    writer.skip(skip)
    writer.finish(samples)
    return file.getvalue()


class SmallDisk(io.BytesIO):
    """An output that a program without bounds cannot fill the real disk with."""

    def write(self, data: "Buffer", /) -> int:
        assert self.tell() < 8 << 20, "silence without end"
        return super().write(data)


def test_a_forged_loss_makes_no_years_of_silence(tiny_codec: Codec, codes: Codes) -> None:
    target = SmallDisk()
    with pytest.raises(Corrupt, match="said to be lost"):
        decode_file(io.BytesIO(forged(codes, skip=1 << 39)), target, codec=tiny_codec)


def test_a_long_loss_is_believed(tiny_codec: Codec, codes: Codes, tmp_path: Path) -> None:
    found, report = decode(tiny_codec, forged(codes, skip=60 * 500), tmp_path)
    assert len(found) == 50 * HOP + 60 * RATE
    assert [gap.frames for gap in report.gaps] == [60 * 500]


@pytest.mark.parametrize("samples", [1 << 48, 50 * HOP + 1, 3])
def test_a_forged_length_is_corrected_and_reported(
    tiny_codec: Codec, codes: Codes, whole: FloatArray, tmp_path: Path, samples: int
) -> None:
    data = forged(codes, samples=samples)
    found, report = decode(tiny_codec, data, tmp_path)
    assert 49 * HOP - 5 < len(found) + HOP <= 51 * HOP
    np.testing.assert_array_equal(found, whole[: len(found)])
    (gap,) = report.gaps
    assert gap.frames == 0 and str(samples) in gap.reason
    with pytest.raises(Corrupt, match=str(samples)):
        decode(tiny_codec, data, tmp_path, strict=True)


def test_levels_may_change_on_the_way(tiny_codec: Codec, codes: Codes, tmp_path: Path) -> None:
    file = io.BytesIO()
    header = build_header(codes.spec, codes.source, codes.model, rows=1)
    writer = Writer(file, header)
    writer.write(codes.indices[:, :2, :100])
    writer.write(codes.indices[..., 100:])
    writer.finish()
    found, report = decode(tiny_codec, file.getvalue(), tmp_path)
    assert report.levels == 3 and report.gaps == ()
    stream = tiny_codec.stream_decoder()
    parts = [stream.push(codes.indices[:, :2, :100]), stream.push(codes.indices[..., 100:])]
    np.testing.assert_array_equal(found, np.concatenate(parts, axis=-1)[0, 0, :SAMPLES])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_ends_well_or_in_an_error_of_ours(
    tiny_codec: Codec, codes: Codes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    good = packed(codes)
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    end = data.draw(st.sampled_from([len(good)]) | st.integers(0, len(good)))
    folder = tmp_path_factory.mktemp("damage")
    try:
        found, report = decode(tiny_codec, bytes(damaged[:end]), folder)
    except AudioCodecError as error:
        assert isinstance(error, FormatError)
        assert not list(folder.iterdir())
    else:
        # Only a trailer, or two flips of the same bit, can be lost without a trace.
        assert report.gaps or len(found) == SAMPLES
        assert len(found) <= FRAMES * HOP
        assert np.isfinite(found).all()
