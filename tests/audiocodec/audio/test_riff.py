import io
import struct

import numpy as np
import pytest
import soundfile

from audiocodec.audio.pcm import PcmEncoding, pack
from audiocodec.audio.riff import build_wav_header, read_wav_header


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize("encoding", ["s16le", "s24le", "s32le", "f32le"])
def test_libsndfile_reads_what_is_built(encoding: PcmEncoding, channels: int) -> None:
    wav = np.random.default_rng(0).uniform(-1, 1, (channels, 50)).astype(np.float32)
    data = pack(wav, encoding)
    header = build_wav_header(
        sample_rate_hz=22050, channels=channels, encoding=encoding, data_bytes=len(data)
    )
    read, rate = soundfile.read(io.BytesIO(header + data), dtype="float32", always_2d=True)
    assert rate == 22050
    assert np.abs(read.T - wav).max() < 1e-4


@pytest.mark.parametrize(
    ("subtype", "encoding"),
    [("PCM_16", "s16le"), ("PCM_24", "s24le"), ("PCM_32", "s32le"), ("FLOAT", "f32le")],
)
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_what_libsndfile_writes_is_understood(
    container: str, subtype: str, encoding: PcmEncoding
) -> None:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros((7, 2)), 44100, format=container, subtype=subtype)
    stream.seek(0)
    header = read_wav_header(stream)
    assert header is not None
    assert (header.sample_rate_hz, header.channels, header.encoding) == (44100, 2, encoding)
    assert header.data_bytes == 7 * header.frame_bytes
    assert not any(stream.read(header.data_bytes))  # it stands at the samples, all zero


def test_compressed_wav_has_no_encoding_of_ours() -> None:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(1000), 8000, format="WAV", subtype="IMA_ADPCM")
    stream.seek(0)
    header = read_wav_header(stream)
    assert header is not None
    assert header.encoding is None


@pytest.mark.parametrize("encoding", ["s16le", "f32le"])
@pytest.mark.parametrize("data_bytes", [0, 2**32 - 400, 2**32 - 200, 2**32, 7 * 2**32])
def test_any_length_is_declared_in_a_header_of_the_same_length(
    data_bytes: int, encoding: PcmEncoding
) -> None:
    header = build_wav_header(
        sample_rate_hz=48000, channels=2, encoding=encoding, data_bytes=data_bytes
    )
    unknown = build_wav_header(sample_rate_hz=48000, channels=2, encoding=encoding, data_bytes=None)
    read = read_wav_header(io.BytesIO(header))
    assert read is not None
    assert read.data_bytes == data_bytes
    assert len(header) == len(unknown)
    if header[:4] == b"RIFF":
        assert struct.unpack("<I", header[4:8])[0] == len(header) - 8 + data_bytes
    else:
        assert data_bytes > 2**32 - 400


def test_unknown_lengths_of_other_writers_are_recognized() -> None:
    header = build_wav_header(sample_rate_hz=48000, channels=1, encoding="s16le", data_bytes=None)
    assert header[-4:] == header[4:8] == b"\xff\xff\xff\xff"
    for size in (0xFFFFFFFF, 0x7FFFF000, 0x80000000):
        read = read_wav_header(io.BytesIO(header[:-4] + struct.pack("<I", size)))
        assert read is not None
        assert read.data_bytes is None


def test_other_and_damaged_beginnings_are_nothing() -> None:
    header = build_wav_header(sample_rate_hz=48000, channels=1, encoding="s16le", data_bytes=10)
    for length in range(len(header)):
        assert read_wav_header(io.BytesIO(header[:length])) is None
    assert read_wav_header(io.BytesIO(b"fLaC" + header[4:])) is None
    without_format = header.replace(b"fmt ", b"tmf ")
    assert read_wav_header(io.BytesIO(without_format)) is None
