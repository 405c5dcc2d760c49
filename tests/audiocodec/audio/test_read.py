import io
import os
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.audio.limits import FloatArray
from audiocodec.audio.pcm import PcmEncoding, RawFormat, pack
from audiocodec.audio.read import open_sound
from audiocodec.audio.riff import build_wav_header
from audiocodec.errors import UnsupportedAudio

RATE = 24000


def noise(channels: int, samples: int) -> FloatArray:
    wav = np.random.default_rng(0).uniform(-0.5, 0.5, (channels, samples)) * 2**15
    return (np.rint(wav) / 2**15).astype(np.float32)


def sound_bytes(wav: FloatArray, container: str, subtype: str | None = None) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, wav.T, RATE, format=container, subtype=subtype)
    return stream.getvalue()


def read_all(
    source: Path | BinaryIO, raw: RawFormat | None = None, block: int = 1000
) -> FloatArray:
    with open_sound(source, raw=raw) as sound:
        blocks = list(sound.blocks(block))
        assert all(b.dtype == np.float32 and b.flags.c_contiguous for b in blocks)
        assert all(b.shape == (sound.channels, block) for b in blocks[:-1])
        wav = np.concatenate([np.zeros((sound.channels, 0), np.float32), *blocks], axis=1)
        assert sound.samples in (None, wav.shape[1])
    return wav


@contextmanager
def pipe(data: bytes, piece: int = 777) -> Iterator[BinaryIO]:
    """A stream that cannot seek and gives what has arrived, in pieces."""
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb", buffering=0) as stream:
            try:
                for start in range(0, len(data), piece):
                    stream.write(data[start : start + piece])
            except BrokenPipeError:
                pass

    feeder = threading.Thread(target=feed)
    feeder.start()
    with os.fdopen(reading, "rb", buffering=0) as stream:
        yield stream
    feeder.join()


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_24"),
        ("WAV", "PCM_32"),
        ("WAV", "FLOAT"),
        ("WAV", "DOUBLE"),
        ("WAVEX", "PCM_16"),
        ("RF64", "PCM_16"),
        ("W64", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("AIFF", "PCM_16"),
        ("AIFF", "FLOAT"),
        ("CAF", "PCM_24"),
        ("AU", "PCM_16"),
    ],
)
@pytest.mark.parametrize(("channels", "samples"), [(1, 1), (2, 2500), (8, 1000), (3, 333)])
def test_lossless_formats_from_file_stream_and_pipe(
    tmp_path: Path, container: str, subtype: str, channels: int, samples: int
) -> None:
    wav = noise(channels, samples)
    data = sound_bytes(wav, container, subtype)
    path = tmp_path / "misleading.mp3"
    path.write_bytes(data)
    assert np.array_equal(read_all(path), wav)
    assert np.array_equal(read_all(io.BytesIO(data)), wav)
    with pipe(data) as stream:
        assert np.array_equal(read_all(stream), wav)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None), ("WAV", "IMA_ADPCM"), ("WAV", "ULAW")],
)
def test_lossy_formats_from_file_stream_and_pipe(
    tmp_path: Path, container: str, subtype: str | None
) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(30_000) / RATE)
    wav = np.stack([tone, -tone]).astype(np.float32)
    data = sound_bytes(wav, container, subtype)
    path = tmp_path / "misleading.wav"
    path.write_bytes(data)
    read = read_all(path, block=1000)
    if subtype != "IMA_ADPCM":  # which fills up its last block
        assert read.shape == wav.shape
    assert np.abs(read[:, 2000:28000] - wav[:, 2000:28000]).max() < 0.05
    assert np.array_equal(read_all(path, block=30_000), read)
    assert np.array_equal(read_all(path, block=777), read)
    assert np.array_equal(read_all(io.BytesIO(data)), read)
    with pipe(data) as stream:
        assert np.array_equal(read_all(stream), read)


def mp3_of_varying_loudness() -> bytes:
    rng = np.random.default_rng(0)
    wav = np.concatenate([0.3 * rng.standard_normal(40_000), np.zeros(120_000)])
    stream = io.BytesIO()
    soundfile.write(stream, wav, RATE, format="MP3", bitrate_mode="VARIABLE")
    return stream.getvalue()


def without_first_frame(mp3: bytes) -> bytes:
    return mp3[mp3.index(mp3[:2], 2) :]


@pytest.mark.parametrize("tail", [b"", b"TAG" + bytes(125)])
def test_mp3_that_does_not_say_its_length_is_read_to_its_end(tail: bytes) -> None:
    mp3 = mp3_of_varying_loudness()
    assert b"Xing" in mp3[:64]
    whole = read_all(io.BytesIO(mp3))
    unindexed = without_first_frame(mp3) + tail
    with open_sound(io.BytesIO(unindexed)) as sound:
        assert sound.samples is None
    read = read_all(io.BytesIO(unindexed))
    # The index also tells the encoder's delay, so without it there is a little more.
    assert whole.shape[1] == 160_000 <= read.shape[1] < 163_000


@given(
    st.sampled_from(["s16le", "s24le", "s32le", "f32le"]),
    st.integers(1, 8),
    st.integers(0, 300),
    st.integers(1, 400),
)
@settings(max_examples=30, deadline=None)
def test_raw_samples(encoding: PcmEncoding, channels: int, samples: int, block: int) -> None:
    wav = noise(channels, samples)
    data = pack(wav, encoding)
    form = RawFormat(48000, channels, encoding)
    assert np.array_equal(read_all(io.BytesIO(data), form, block), wav)
    with pipe(data, piece=7) as stream:
        assert np.array_equal(read_all(stream, form, block), wav)


@pytest.mark.parametrize("channels", [1, 2])
def test_wav_of_unknown_length_is_read_to_the_end(tmp_path: Path, channels: int) -> None:
    wav = noise(channels, 5000)
    data = build_wav_header(
        sample_rate_hz=RATE, channels=channels, encoding="s16le", data_bytes=None
    ) + pack(wav, "s16le")
    with pipe(data) as stream, open_sound(stream) as sound:
        assert sound.samples is None
    with pipe(data + b"\0") as stream:
        assert np.array_equal(read_all(stream), wav)
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    assert np.array_equal(read_all(path), wav)


def test_what_follows_the_samples_of_a_wav_is_no_sound() -> None:
    wav = noise(1, 501)
    data = sound_bytes(wav, "WAV") + b"LIST\x04\0\0\0INFO"
    with pipe(data) as stream:
        assert np.array_equal(read_all(stream), wav)
    assert np.array_equal(read_all(io.BytesIO(data)), wav)


def test_a_stream_is_read_from_where_it_stands_and_stays_open() -> None:
    wav = noise(2, 700)
    for container in ("WAV", "FLAC"):
        stream = io.BytesIO(b"before" + sound_bytes(wav, container))
        stream.seek(6)
        assert np.array_equal(read_all(stream), wav)
        assert not stream.closed


def test_a_named_pipe_is_read_like_standard_input(tmp_path: Path) -> None:
    wav = noise(2, 3000)
    path = tmp_path / "fifo"
    os.mkfifo(path)
    feeder = threading.Thread(target=path.write_bytes, args=(sound_bytes(wav, "FLAC"),))
    feeder.start()
    assert np.array_equal(read_all(path), wav)
    feeder.join()


def test_sounds_without_samples(tmp_path: Path) -> None:
    empty = np.zeros((2, 0), np.float32)
    path = tmp_path / "x.wav"
    path.write_bytes(sound_bytes(empty, "WAV"))
    with open_sound(path) as sound:
        assert (sound.samples, list(sound.blocks(10))) == (0, [])
    with pipe(path.read_bytes()) as stream:
        assert read_all(stream).shape == (2, 0)
    assert read_all(io.BytesIO(), RawFormat(RATE, 2)).shape == (2, 0)


def test_blocks_go_on_where_they_stopped() -> None:
    wav = noise(1, 100)
    with open_sound(io.BytesIO(sound_bytes(wav, "WAV"))) as sound:
        first = next(sound.blocks(30))
        rest = list(sound.blocks(50))
    assert np.array_equal(np.concatenate([first, *rest], axis=1), wav)


def refusal(source: Path | BinaryIO, raw: RawFormat | None = None) -> str:
    with pytest.raises(UnsupportedAudio) as caught:
        read_all(source, raw)
    message = str(caught.value)
    assert "\n" not in message
    assert "; " in message  # what to do
    return message


@pytest.mark.parametrize(("bad", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_the_first_sample_that_is_no_number_is_named(bad: float, shown: str) -> None:
    wav = noise(3, 5000)
    wav[2, 4321] = bad
    wav[0, 4322:] = np.nan
    data = sound_bytes(wav, "WAV", "FLOAT")
    place = f"sample 4321 ({4321 / RATE:.6f} s) of channel 2"
    for message in (
        refusal(io.BytesIO(data)),
        refusal(io.BytesIO(pack(wav, "f32le")), RawFormat(RATE, 3, "f32le")),
    ):
        assert place in message
        assert message.split(";")[0].endswith(f"is {shown}")


@pytest.mark.parametrize(
    ("container", "subtype", "expected"),
    [
        ("WAV", "PCM_16", "truncated: expected 30000 samples, got 1"),
        ("WAV", "PCM_24", "truncated: expected 30000 samples, got 1"),
        ("WAV", "IMA_ADPCM", "truncated: expected [0-9]+ bytes, got 1"),
        ("RF64", "PCM_16", "truncated: expected 30000 samples, got 1"),
        ("W64", "FLOAT", "truncated: expected 30000 samples, got 1"),
        ("AIFF", "PCM_24", "truncated: expected 30000 samples, got 1"),
        ("AU", "PCM_16", "truncated: expected 30000 samples, got 1"),
        ("FLAC", "PCM_16", "truncated after about sample 1[0-9]{4} of 30000"),
        ("MP3", None, "truncated: expected 30000 samples, got 1"),
        ("OGG", "VORBIS", "truncated inside an Ogg page after [0-9]+ samples|malformed"),
        ("OGG", "OPUS", "truncated inside an Ogg page after [0-9]+ samples|malformed"),
        ("CAF", "PCM_16", "malformed"),
    ],
)
def test_a_truncated_sound_is_refused(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    container: str,
    subtype: str | None,
    expected: str,
) -> None:
    data = sound_bytes(noise(2, 30_000), container, subtype)
    path = tmp_path / "x.bin"
    path.write_bytes(data[: len(data) * 6 // 10])
    message = refusal(path)
    assert re.search(expected, message)
    assert refusal(io.BytesIO(path.read_bytes())) == message.replace(str(path), "the stream")
    with pipe(path.read_bytes()) as stream:
        assert re.search(expected, refusal(stream))
    assert capfd.readouterr().err == ""


def test_how_many_samples_were_expected_and_came() -> None:
    data = sound_bytes(noise(2, 1000), "WAV")
    expected = "truncated: expected 1000 samples, got 900"
    assert expected in refusal(io.BytesIO(data[:-400]))
    with pipe(data[:-400]) as stream:
        assert expected in refusal(stream)
    aiff = sound_bytes(noise(1, 1000), "AIFF")
    assert "expected 1000 samples, got 999" in refusal(io.BytesIO(aiff[:-1]))


def test_a_truncated_mp3_without_its_length_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    mp3 = without_first_frame(mp3_of_varying_loudness())
    assert "damaged or truncated after about" in refusal(io.BytesIO(mp3[:3000]))
    assert capfd.readouterr().err == ""


def test_a_damaged_mp3_is_refused_without_noise(capfd: pytest.CaptureFixture[str]) -> None:
    mp3 = bytearray(mp3_of_varying_loudness())
    mp3[8000:12000] = np.random.default_rng(1).bytes(4000)
    refusal(io.BytesIO(bytes(mp3)))
    assert capfd.readouterr().err == ""


def test_a_damaged_flac_is_refused(tmp_path: Path) -> None:
    data = bytearray(sound_bytes(noise(1, 50_000), "FLAC"))
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    path = tmp_path / "x.flac"
    path.write_bytes(data)
    assert "damaged or truncated" in refusal(path)


def test_files_that_are_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    assert "no such file" in refusal(path)
    assert "it is a folder" in refusal(tmp_path)
    assert "null" in refusal(Path("a\0b"))
    for content, message in (
        (b"", "empty (0 bytes)"),
        (b"Dear reader,\n" * 100, "expected a sound file"),
        (b"RIFF", "expected a sound file"),
        (bytes(1000), "expected a sound file"),
        (sound_bytes(noise(1, 10), "WAV")[:30], "expected a sound file"),
    ):
        path.write_bytes(content)
        assert message in refusal(path)
        assert str(path) in refusal(path)
        with pipe(content) as stream:
            assert "expected" in refusal(stream)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_out_of_reach(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(sound_bytes(noise(1, 10), "WAV"))
    path.chmod(0)
    assert "permission denied" in refusal(path)


def test_a_stream_that_fails_is_one_error(capfd: pytest.CaptureFixture[str]) -> None:
    class Failing(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            if self.tell() > 2000:
                raise OSError(5, "Input/output error")
            return super().read(count)

    for container in ("WAV", "FLAC"):
        source = Failing(sound_bytes(noise(1, 50_000), container))
        assert "Input/output error" in refusal(source)
    assert capfd.readouterr().err == ""


def test_rates_and_channels_out_of_bounds() -> None:
    def wav_of(rate: int, channels: int) -> bytes:
        return build_wav_header(
            sample_rate_hz=rate, channels=channels, encoding="s16le", data_bytes=0
        )

    for rate in (8000, 192_000):
        assert read_all(io.BytesIO(wav_of(rate, 8))).shape == (8, 0)
    for data, message in (
        (wav_of(7999, 1), "this is 7999 Hz"),
        (wav_of(192_001, 1), "this is 192001 Hz"),
        (wav_of(48000, 9), "this has 9"),
    ):
        assert message in refusal(io.BytesIO(data))
        with pipe(data) as stream:
            assert message in refusal(stream)
    assert "this is 4000 Hz" in refusal(io.BytesIO(), RawFormat(4000, 1))


def test_raw_samples_that_do_not_fit_their_format() -> None:
    assert "6 bytes (2 channels of s24le), but the last has only 1" in refusal(
        io.BytesIO(bytes(13)), RawFormat(RATE, 2, "s24le")
    )
    with pipe(bytes(13)) as stream:
        assert "the last has only 1" in refusal(stream, RawFormat(RATE, 2, "s24le"))


def sparse_file(path: Path, head: bytes, size: int, tail: bytes) -> None:
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(size - len(tail))
        file.seek(0, os.SEEK_END)
        file.write(tail)


def huge(path: Path, container: str, frames: int) -> None:
    """A sparse file of 8 channels of 32 bits, silent but for its last sample."""
    data = frames * 32
    head = build_wav_header(sample_rate_hz=192_000, channels=8, encoding="s32le", data_bytes=data)
    if container == "W64":
        start = sound_bytes(np.zeros((8, 1), np.float32), "W64", "PCM_32")[:-32]
        at = start.index(b"data\xf3\xac\xd3\x11") + 16
        size = len(start) + data
        head = start[:16] + struct.pack("<Q", size) + start[24:at] + struct.pack("<Q", data + 24)
    sparse_file(path, head, len(head) + data, struct.pack("<8i", *[2**30] * 8))


@pytest.mark.parametrize("container", ["RF64", "W64"])
def test_more_than_4_gib(tmp_path: Path, container: str) -> None:
    path = tmp_path / "x"
    frames = 2**27 + 12345
    huge(path, container, frames)
    with open_sound(path) as sound:
        assert sound.samples == frames
        assert not next(sound.blocks(100)).any()
    os.truncate(path, os.path.getsize(path) - 64)
    assert f"expected {frames} samples, got {frames - 2}" in refusal(path)


@pytest.mark.slow
def test_more_than_4_gib_to_the_last_sample(tmp_path: Path) -> None:
    path = tmp_path / "x"
    frames = 2**27 + 12345
    huge(path, "RF64", frames)
    last, count = np.zeros((8, 1), np.float32), 0
    with open_sound(path) as sound:
        for block in sound.blocks(1 << 18):
            last, count = block, count + block.shape[1]
    assert count == frames
    assert last[:, -2:].tolist() == [[0, 0.5]] * 8
