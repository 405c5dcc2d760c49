"""Tags come out of sound files in one line each."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiocodec.audio.read import open_sound
from audiocodec.audio.tags import MAX_CHARACTERS, clean


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_what_is_there_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    with soundfile.SoundFile(path, "w", 16000, 1) as sound:
        sound.title, sound.artist, sound.comment = "Ü", "  a\nb\x00 ", "\x07"
        sound.copyright = "nobody"
        sound.write(np.zeros(1600, np.float32))
    with open_sound(path) as found:
        assert found.tags.keys() == {"title", "artist"}
        assert found.tags["title"] == "Ü" and found.tags["artist"] == "a b"


def test_a_file_without_tags(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(100), 16000)
    with open_sound(tmp_path / "x.wav") as found:
        assert found.tags == {}


def test_cleaning() -> None:
    assert clean(" a\t\r\n b\x1b[0m \x85c\ud800") == "a b [0m c"
    assert clean("\x00\n") == ""
    long = clean("x" * 5000)
    assert len(long) == MAX_CHARACTERS and long.endswith("x...")
