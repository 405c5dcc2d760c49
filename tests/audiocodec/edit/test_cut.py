"""A cut holds the frames that were asked for, one more, and the right number of samples."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiocodec.codes import Codes
from audiocodec.edit import cat_files, cut_file
from audiocodec.errors import AudioCodecError, Corrupt, NotACodesFile
from audiocodec.files import decode_file

WriteCodes = Callable[..., Path]


@pytest.mark.parametrize(
    ("asked", "frames", "samples"),
    [
        ({"start_s": 1.0, "end_s": 2.0}, (50, 100), 48_000),
        ({"start_s": 0.29, "end_s": 0.57}, (14, 29), 15 * 960),
        ({"start_s": 0.58, "end_s": 1.16}, (29, 58), 29 * 960),
        ({"start_frame": 7, "end_frame": 8}, (7, 8), 960),
        ({"start_s": 3}, (150, 230), 220_000 - 150 * 960),
        ({"end_s": 4.59}, (0, 230), 220_000),
        ({"end_s": 4.58}, (0, 229), 229 * 960),
        ({"end_s": 1000.0}, (0, 230), 220_000),
        ({}, (0, 230), 220_000),
    ],
)
@pytest.mark.parametrize("piped", [False, True])
def test_borders(
    write_codes: WriteCodes,
    tmp_path: Path,
    asked: dict[str, Any],
    frames: tuple[int, int],
    samples: int,
    piped: bool,
) -> None:
    source = write_codes("in.codes", 230, samples=220_000)
    whole = Codes.load(source).indices
    out = tmp_path / "out.codes"
    with open(source, "rb") as file:
        report = cut_file(Pipe(file.read()) if piped else source, out, **asked)
    assert (report.first_frame, report.end_frame) == frames
    assert (report.start_s, report.end_s) == (frames[0] / 50, frames[1] / 50)
    cut = Codes.load(out)
    assert (cut.source.samples, report.source_samples) == (samples, samples)
    assert report.duration_s == samples / 48_000 and cut.model is not None
    assert np.array_equal(cut.indices, whole[:, :, frames[0] : frames[1] + 1])


class Pipe(io.BytesIO):
    """A stream that cannot go back."""

    def seekable(self) -> bool:
        return False


def test_a_live_stream_is_left_when_the_cut_is_complete(
    write_codes: WriteCodes, tmp_path: Path
) -> None:
    source = Pipe(write_codes("in.codes", 60_000, live=True).read_bytes())
    report = cut_file(source, tmp_path / "out.codes", end_s=1)
    assert report.source_samples == 48_000
    assert source.tell() < 100_000 < len(source.getvalue())


def test_a_file_is_read_only_where_it_is_cut(write_codes: WriteCodes, tmp_path: Path) -> None:
    path = write_codes("in.codes", 10_000, levels=1)
    data = bytearray(path.read_bytes())
    data[2000] ^= 1  # outside of the cut
    path.write_bytes(data)
    report = cut_file(path, tmp_path / "out.codes", start_s=100, end_s=102, strict=True)
    assert report.frames == 101 and report.gaps == ()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 96000]),
    hop=st.sampled_from([320, 480, 240]),
    frames=st.integers(2, 130),
    missing=st.integers(0, 1000),
    data=st.data(),
)
def test_neighbouring_cuts_join_to_what_was(
    write_codes: WriteCodes,
    tmp_path: Path,
    rate: int,
    hop: int,
    frames: int,
    missing: int,
    data: st.DataObject,
) -> None:
    """Whatever the rates, the partial last frame, and the frames behind the sound."""
    covered = frames * hop * rate // 24000
    samples = max(hop * rate // 24000 + 2, covered - missing)
    source = write_codes(
        "in.codes", frames, samples=samples, source_sample_rate_hz=rate, hop_samples=hop
    )
    needed = -(-samples * 24000 // (hop * rate))
    last = (samples - 1) * 24000 // (hop * rate)  # before which a sample begins
    border = data.draw(st.integers(1, last))
    parts = [tmp_path / "a.codes", tmp_path / "b.codes"]
    first = cut_file(source, parts[0], end_frame=border, overwrite=True)
    rest = cut_file(source, parts[1], start_frame=border, overwrite=True)
    assert first.source_samples == border * hop * rate // 24000
    assert 0 <= samples - first.source_samples - rest.source_samples <= 1
    report = cat_files(parts, tmp_path / "out.codes", overwrite=True)
    joined, whole = Codes.load(tmp_path / "out.codes"), Codes.load(source)
    assert np.array_equal(joined.indices, whole.indices)
    assert report.source_samples == joined.source.samples == samples
    assert needed <= joined.frames


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"start_s": 5}, "starts at 5 s, but the sound ends at 2 s; choose an earlier"),
        ({"start_s": 2}, "starts at 2 s, but the sound ends at 2 s"),
        ({"start_s": 1, "end_s": 1}, r"nothing lies between frame 50 \(1 s\) and frame 50"),
        ({"start_s": -1}, "expected 0 or more"),
        ({"end_s": float("nan")}, "expected 0 or more"),
        ({"end_frame": 1 << 60}, "expected 0 or more"),
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_nothing_to_cut(
    write_codes: WriteCodes, tmp_path: Path, asked: dict[str, Any], why: str, live: bool
) -> None:
    source = write_codes("in.codes", 100, live=live)
    with pytest.raises(AudioCodecError, match=why):
        cut_file(source, tmp_path / "out.codes", **asked)
    assert not (tmp_path / "out.codes").exists()
    with pytest.raises(ValueError, match="not both"):
        cut_file(source, tmp_path / "out.codes", start_s=1, start_frame=1)


def test_damage_within_and_without(
    write_codes: WriteCodes, damage: Callable[[Path], Path], tmp_path: Path
) -> None:
    bad = damage(write_codes("bad.codes", 250))  # frames 100 to 149
    out = tmp_path / "out.codes"
    report = cut_file(bad, out, start_frame=60, end_frame=120)
    assert [(gap.first_frame, gap.frames) for gap in report.gaps] == [(40, 20)]
    assert (report.frames, report.source_samples) == (60, 60 * 960)
    with pytest.raises(Corrupt, match=r"out\.codes: frames 40 to 59 are missing"):
        Codes.load(out)
    for frames in ((0, 100), (150, 200)):  # the spare frame of the first is lost
        report = cut_file(bad, out, start_frame=frames[0], end_frame=frames[1], overwrite=True)
        assert report.gaps == ()
        assert Codes.load(out).source.samples == report.source_samples
    with pytest.raises(Corrupt):
        cut_file(bad, out, end_frame=120, strict=True, overwrite=True)


def test_what_is_no_codes_file(tmp_path: Path) -> None:
    (tmp_path / "x.codes").write_bytes(b"RIFF" * 10)
    with pytest.raises(NotACodesFile, match=r"x\.codes: this is not"):
        cut_file(tmp_path / "x.codes", tmp_path / "out.codes")
    with pytest.raises(AudioCodecError, match="there is no such file"):
        cut_file(tmp_path / "y.codes", tmp_path / "out.codes")


@pytest.mark.parametrize("stem", ["learned", "spectrum"])
def test_a_cut_sounds_like_the_same_stretch_of_the_whole(
    make_tiny_codec: Callable[..., Any], tmp_path: Path, stem: str
) -> None:
    """Also for a network that gives its sound late: in time and up to the last sample."""
    from audiocodec.families.soundstream import SoundStreamConfig

    config = SoundStreamConfig(
        sample_rate_hz=8000,
        patch_samples=8,
        stem_kernel=16,
        stem=stem,
        strides=(2,),
        encoder_channels=(4, 4),
        decoder_channels=(4, 4),
        unit_kernel=3,
        dilations=(1,),
        latent_dim=4,
        levels=2,
        codebook_size=16,
    )
    codec = make_tiny_codec(config)
    wav = np.random.default_rng(0).standard_normal(6003).astype(np.float32) * 0.3
    codes = codec.encode(wav)
    codes.save(tmp_path / "in.codes")
    whole = codec.decode(codes).numpy()
    for end in (200, 400):  # inside, and beyond the end
        report = cut_file(
            tmp_path / "in.codes",
            tmp_path / "out.codes",
            start_frame=100,
            end_frame=end,
            overwrite=True,
        )
        expected = whole[1600 : end * 16]
        cut = codec.decode(Codes.load(tmp_path / "out.codes")).numpy()
        assert cut.shape == expected.shape and report.source_samples == len(expected)
        settled = 30 * 16  # by then the cold start is forgotten
        assert np.array_equal(cut[settled:], expected[settled:])
        assert not np.array_equal(cut[:16], expected[:16])
        played = decode_file(
            tmp_path / "out.codes", tmp_path / "out.wav", codec=codec, overwrite=True
        )
        assert played.samples == len(expected) and played.gaps == ()
