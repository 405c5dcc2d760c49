import io

import numpy as np
import pytest
import soundfile

from audiocodec.audio.mpeg import MpegKind, mpeg_kind


def sound(container: str) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(5000), 24000, format=container)
    return stream.getvalue()


ID3 = b"ID3\x03\0\0\0\0\x01\x02" + bytes(130)  # 1 * 128 + 2 bytes of tag


@pytest.mark.parametrize("tag", [b"", ID3])
def test_mp3_with_and_without_its_length(tag: bytes) -> None:
    mp3 = sound("MP3")
    assert mpeg_kind(io.BytesIO(tag + mp3)) is MpegKind.WITH_LENGTH
    unindexed = mp3[mp3.index(mp3[:2], 2) :]
    assert mpeg_kind(io.BytesIO(tag + unindexed)) is MpegKind.WITHOUT_LENGTH


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"ID3", ID3, b"\xff\xf1\x50\x80aac", *map(sound, ("WAV", "FLAC", "OGG"))],
)
def test_other_streams(data: bytes) -> None:
    assert mpeg_kind(io.BytesIO(data)) is MpegKind.NOT_MPEG


def test_the_stream_stands_where_it_stood() -> None:
    stream = io.BytesIO(b"12345" + ID3 + sound("MP3"))
    stream.seek(5)
    assert mpeg_kind(stream) is MpegKind.WITH_LENGTH
    assert stream.tell() == 5
