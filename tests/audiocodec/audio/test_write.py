import io
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiocodec.audio import riff
from audiocodec.audio.limits import FloatArray
from audiocodec.audio.write import SampleEncoding, SoundWriter
from audiocodec.errors import AudioCodecError, OutputExists, UnsupportedAudio

LOSSLESS = [".wav", ".flac", ".aiff", ".w64", ".caf", ".au"]
STEPS = {"pcm16": 2.0**-15, "pcm24": 2.0**-23, "pcm32": 2.0**-31, "float32": 0.0}
LOSSY = [".ogg", ".opus", ".mp3"]


def noise(channels: int, samples: int) -> FloatArray:
    wav = np.random.default_rng(0).uniform(-0.9, 0.9, (channels, samples))
    return wav.astype(np.float32)


def read_back(path: Path | io.BytesIO) -> FloatArray:
    read, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(read.T)


@pytest.mark.parametrize(
    ("suffix", "encoding", "step"),
    [
        (suffix, encoding, step)
        for suffix in LOSSLESS
        for encoding, step in STEPS.items()
        if suffix != ".flac" or encoding in ("pcm16", "pcm24")
    ],
)
def test_lossless_formats_keep_every_sample(
    tmp_path: Path, suffix: str, encoding: SampleEncoding, step: float
) -> None:
    wav = noise(3, 1001)
    path = tmp_path / f"x{suffix}"
    with SoundWriter(path, sample_rate_hz=44100, channels=3, encoding=encoding) as writer:
        writer.write(wav[:, :400])
        writer.write(wav[:, 400:400])
        writer.write(wav[:, 400:])
    expected = np.rint(wav.astype(np.float64) / step) * step if step else wav
    assert np.array_equal(read_back(path), expected.astype(np.float32))
    assert soundfile.info(path).samplerate == 44100
    assert writer.clipped_samples == 0
    assert writer.peak == np.abs(wav).max()
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", LOSSY)
@pytest.mark.parametrize("samples", [1, 24000])
def test_lossy_formats_keep_length_and_likeness(tmp_path: Path, suffix: str, samples: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(samples) / 24000)
    wav = np.stack([tone, -tone]).astype(np.float32)
    path = tmp_path / f"x{suffix}"
    with SoundWriter(path, sample_rate_hz=24000, channels=2) as writer:
        writer.write(wav)
    back = read_back(path)
    assert back.shape == wav.shape
    if samples > 1:
        assert np.abs(back - wav)[:, 2000:-2000].max() < 0.05


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".w64", ".caf", ".au", ".ogg"])
def test_a_sound_without_samples_is_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    with SoundWriter(path, sample_rate_hz=16000, channels=2) as writer:
        writer.write(np.zeros((2, 0), np.float32))
    assert read_back(path).shape == (2, 0)


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".opus"])
def test_a_format_that_cannot_be_empty_says_so(tmp_path: Path, suffix: str) -> None:
    with (
        pytest.raises(UnsupportedAudio, match="cannot hold a sound without samples"),
        SoundWriter(tmp_path / f"x{suffix}", sample_rate_hz=16000, channels=1),
    ):
        pass
    assert not os.listdir(tmp_path)


def test_what_is_beyond_full_scale_is_clipped_and_counted(tmp_path: Path) -> None:
    wav = np.array([[1.0, -1.0, 1.25, -3.0], [0.5, 0, 1.0001, 0]], np.float32)
    for suffix in (".wav", ".flac", ".ogg"):
        path = tmp_path / f"x{suffix}"
        with SoundWriter(path, sample_rate_hz=16000, channels=2) as writer:
            writer.write(wav)
        assert (writer.clipped_samples, writer.peak) == (3, 3.0)
    top = 32767 / 32768
    assert read_back(tmp_path / "x.wav").tolist() == [[top, -1, top, -1], [0.5, 0, top, 0]]
    with SoundWriter(
        tmp_path / "f.wav", sample_rate_hz=16000, channels=2, encoding="float32"
    ) as writer:
        writer.write(wav)
    assert np.array_equal(read_back(tmp_path / "f.wav"), wav)
    assert (writer.clipped_samples, writer.peak) == (0, 3.0)


@pytest.mark.parametrize("samples", [None, 5])
@pytest.mark.parametrize("encoding", ["pcm16", "pcm24", "float32"])
def test_a_stream_gets_wav(samples: int | None, encoding: SampleEncoding) -> None:
    wav = np.rint(noise(1, 5) * 2**15).astype(np.float32) / np.float32(2**15)
    stream = io.BytesIO()
    with SoundWriter(
        stream, sample_rate_hz=16000, channels=1, encoding=encoding, samples=samples
    ) as writer:
        writer.write(wav)
    assert not stream.closed
    unknown = stream.getvalue()[4:8] == b"\xff\xff\xff\xff"
    assert unknown == (samples is None)
    stream.seek(0)
    assert np.array_equal(read_back(stream), wav)


def test_a_stream_or_a_raw_file_gets_bare_samples(tmp_path: Path) -> None:
    wav = np.array([[0, 0.5], [-1, 0.25]], np.float32)
    expected = np.array([0, -32768, 16384, 8192], "<i2").tobytes()
    stream = io.BytesIO()
    with SoundWriter(stream, sample_rate_hz=16000, channels=2, container="raw") as writer:
        writer.write(wav)
    assert stream.getvalue() == expected
    with SoundWriter(tmp_path / "x.raw", sample_rate_hz=16000, channels=2) as writer:
        writer.write(wav)
    assert (tmp_path / "x.raw").read_bytes() == expected


def test_a_length_that_was_announced_has_to_come() -> None:
    with (
        pytest.raises(ValueError, match="10 bytes of samples announced, 6 written"),
        SoundWriter(io.BytesIO(), sample_rate_hz=8000, channels=1, samples=5) as writer,
    ):
        writer.write(np.zeros((1, 3), np.float32))


def test_a_wav_that_outgrows_its_sizes_becomes_rf64(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(riff, "_LARGEST_RIFF", 1000)
    for samples, magic in ((400, b"RIFF"), (500, b"RF64")):
        path = tmp_path / f"{samples}.wav"
        with SoundWriter(path, sample_rate_hz=16000, channels=1) as writer:
            writer.write(np.full((1, samples), 0.5, np.float32))
        assert path.read_bytes()[:4] == magic
        assert np.array_equal(read_back(path), np.full((1, samples), 0.5))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"precious")
    with (
        pytest.raises(KeyboardInterrupt),
        SoundWriter(path, sample_rate_hz=16000, channels=1, overwrite=True) as writer,
    ):
        writer.write(noise(1, 100_000))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == [path.name]


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"precious")
    with (
        pytest.raises(OutputExists, match=r"x\.wav exists"),
        SoundWriter(path, sample_rate_hz=16000, channels=1),
    ):
        pass
    assert path.read_bytes() == b"precious"
    with SoundWriter(path, sample_rate_hz=16000, channels=1, overwrite=True) as writer:
        writer.write(noise(1, 10))
    assert read_back(path).shape == (1, 10)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on file sizes")
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".aiff", ".w64"])
def test_a_full_disk_is_one_error_and_no_file(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(AudioCodecError, match=r"cannot write .*: File too large") as caught,
        files_of_at_most(20_000),
        SoundWriter(tmp_path / f"x{suffix}", sample_rate_hz=16000, channels=1) as writer,
    ):
        for _ in range(20):
            writer.write(noise(1, 16000))
    assert "\n" not in str(caught.value)
    assert not os.listdir(tmp_path)
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_at_the_very_end_is_noticed(tmp_path: Path) -> None:
    link = tmp_path / "x.wav"
    link.symlink_to("/dev/full")
    with (
        pytest.raises(AudioCodecError, match="No space left"),
        SoundWriter(link, sample_rate_hz=16000, channels=1) as writer,
    ):
        writer.write(noise(1, 10))
    with (
        open("/dev/full", "wb", buffering=0) as stream,
        pytest.raises(AudioCodecError, match="cannot write /dev/full: No space left"),
        SoundWriter(stream, sample_rate_hz=16000, channels=1) as writer,
    ):
        writer.write(noise(1, 10))


@pytest.mark.parametrize(
    ("name", "sample_rate_hz", "channels", "encoding", "message"),
    [
        ("x.mp3", 192_000, 1, "pcm16", "MP3 does not take 1 channels at 192000 Hz.*44100"),
        ("x.mp3", 48_000, 3, "pcm16", "MP3 does not take 3 channels"),
        ("x.opus", 44_100, 1, "pcm16", "OGG does not take 1 channels at 44100 Hz"),
        ("x.wav", 4_000, 1, "pcm16", "8000 to 192000 Hz are supported, this is 4000 Hz"),
        ("x.wav", 16_000, 9, "pcm16", "1 to 8 channels are supported, this has 9"),
        ("x.flac", 16_000, 1, "float32", "FLAC holds pcm16 or pcm24, not float32"),
        ("x.wav", 16_000, 1, "pcm8", "unknown encoding of samples 'pcm8'"),
        ("x.m4a", 16_000, 1, "pcm16", r"one of \.wav .*; \.m4a does not"),
        ("x", 16_000, 1, "pcm16", "no suffix does not"),
        ("no/x.wav", 16_000, 1, "pcm16", "no folder"),
    ],
)
def test_what_cannot_be_written_is_one_clear_line(
    tmp_path: Path,
    name: str,
    sample_rate_hz: int,
    channels: int,
    encoding: SampleEncoding,
    message: str,
) -> None:
    with (
        pytest.raises(AudioCodecError, match=message) as caught,
        SoundWriter(
            tmp_path / name, sample_rate_hz=sample_rate_hz, channels=channels, encoding=encoding
        ),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert not os.listdir(tmp_path)


def test_a_sample_that_is_no_number_is_refused_with_its_place(tmp_path: Path) -> None:
    wav = np.zeros((2, 100), np.float32)
    wav[1, 60:] = np.inf
    with (
        pytest.raises(UnsupportedAudio, match=r"sample 160 \(0\.010000 s\) of channel 1.* inf"),
        SoundWriter(tmp_path / "x.wav", sample_rate_hz=16000, channels=2) as writer,
    ):
        writer.write(np.zeros((2, 100), np.float32))
        writer.write(wav)
    assert not os.listdir(tmp_path)


def test_misuse_is_a_bug_of_the_caller(tmp_path: Path) -> None:
    writer = SoundWriter(tmp_path / "x.wav", sample_rate_hz=16000, channels=2)
    with pytest.raises(ValueError, match="context manager"):
        writer.write(np.zeros((2, 1), np.float32))
    with pytest.raises(ValueError, match=r"expected \[2, T\], got \[1, 3\]"), writer:
        writer.write(np.zeros((1, 3), np.float32))
