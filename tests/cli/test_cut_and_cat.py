"""`codec cut` and `codec cat`: a stretch of a file, and files in order."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from audiocodec.bitstream import Packet, Reader

WriteSound = Callable[..., Path]
Run = Callable[..., Any]


@pytest.fixture
def coded(codec: Run, write_sound: WriteSound) -> Path:
    """x.codes: 2 s at 16 kHz; 1000 frames of 32 samples each."""
    write_sound("x.wav", 31_990, sample_rate_hz=16_000)
    assert codec("encode", "x.wav", "-q").exit_code == 0
    return Path("x.codes")


def codes_of(name: str) -> list[Any]:
    with open(name, "rb") as file:
        packets = [item.indices for item in Reader(file, strict=True) if isinstance(item, Packet)]
    return [packet.tolist() for packet in packets]


def test_a_cut_says_its_borders(codec: Run, coded: Path) -> None:
    done = codec("cut", "x.codes", "part.codes", "--from", "0.5015", "--to", "1.25")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith(
        "x.codes -> part.codes: from 0.5 s (frame 250) to 1.25 s (frame 625), 375 frames, "
        "0.75 s, 3 levels, 6 kbps, "
    )
    assert codec("decode", "part.codes").exit_code == 0
    assert soundfile.info("part.wav").frames == 12_000
    same = codec("cut", "-", "-", "--from", "250f", "--to", "625f", input=coded.read_bytes())
    assert same.stdout_bytes == Path("part.codes").read_bytes()
    assert "from 0.5 s (frame 250) to 1.25 s (frame 625)" in same.stderr


def test_cuts_join_to_the_whole(codec: Run, coded: Path) -> None:
    assert codec("cut", "x.codes", "a.codes", "--to", "0.7", "-q").stderr == ""
    assert codec("cut", "x.codes", "b.codes", "--from", "0.7", "--to", "1.3").exit_code == 0
    assert codec("cut", "x.codes", "c.codes", "--from", "1.3").exit_code == 0
    done = codec("cat", "a.codes", "b.codes", "c.codes", "whole.codes")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("3 files -> whole.codes: 2 s, 3 levels, 6 kbps, ")
    assert codes_of("whole.codes") == codes_of("x.codes")
    for name in ("whole", "x"):
        assert codec("decode", f"{name}.codes", f"{name}.flac").exit_code == 0
    assert Path("whole.flac").read_bytes() == Path("x.flac").read_bytes()
    piped = codec("cat", "a.codes", "-", "c.codes", "-", input=Path("b.codes").read_bytes())
    assert piped.stdout_bytes == Path("whole.codes").read_bytes()
    assert codec("cat", "a.codes", "b.codes", "c.codes", "-o", "o.codes", "-q").stderr == ""
    assert Path("o.codes").read_bytes() == Path("whole.codes").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("cut", "x.codes"), 2, "Missing argument"),
        (("cut", "x.codes", "out.codes", "--from", "x"), 2, "'x' is neither seconds, such as"),
        (("cut", "x.codes", "out.codes", "--to", "-1"), 2, "neither seconds"),
        (("cut", "x.codes", "out.codes", "--to", "nan"), 2, "neither seconds"),
        (("cut", "x.codes", "out.codes", "--to", "1.5f"), 2, "neither seconds"),
        (("cut", "x.codes", "out.codes", "--from", "2"), 1, "the sound ends at 1.99937 s"),
        (("cut", "x.codes", "out.codes", "--from", "1", "--to", "0.5"), 1, "nothing lies between"),
        (("cut", "x.codes", "x.codes", "--to", "1", "-f"), 1, "would replace an input"),
        (("cat", "x.codes"), 2, "name the inputs and the output"),
        (("cat", "x.codes", "-", "-", "out.codes"), 2, "read only once"),
        (("cat", "x.codes", "folder", "out.codes"), 2, "files, not folders"),
        (("cat", "x.codes", "folder"), 2, "files, not folders"),
        (("cat", "x.codes", "no.codes", "out.codes"), 1, "cannot read no.codes: there is no"),
        (("cat", "x.codes", "x.codes", "-f"), 1, "would replace an input"),
        (("cat", "x.codes", "x.wav", "out.codes"), 1, "x.wav: this is not a .codes file"),
        (("cat", "x.codes", "other.codes", "out.codes"), 1, "other.codes: its sample rate is 8000"),
    ],
)
def test_refused(
    codec: Run,
    coded: Path,
    write_sound: WriteSound,
    words: tuple[str, ...],
    code: int,
    why: str,
) -> None:
    Path("folder").mkdir()
    Path("folder/y.codes").write_bytes(coded.read_bytes())
    if "other.codes" in words:
        write_sound("other.wav")
        codec("encode", "other.wav", "-q")
    done = codec(*words)
    assert done.exit_code == code and why in done.stderr
    if code == 1:
        assert done.stderr.startswith("codec: ") and done.stderr.count("\n") == 1
    assert not Path("out.codes").exists() and len(codes_of("x.codes")) == 2


def test_damage_shows_in_the_exit_code(codec: Run, coded: Path) -> None:
    data = bytearray(coded.read_bytes())
    data[len(data) // 3] ^= 1
    Path("bad.codes").write_bytes(data)
    cut = codec("cut", "bad.codes", "a.codes", "--to", "1.5", "-q")
    assert cut.exit_code == 3 and cut.stderr.startswith("codec: bad.codes is damaged in 1 place")
    cat = codec("cat", "x.codes", "bad.codes", "b.codes", "-q")
    assert cat.exit_code == 3 and "output: bad.codes: the checksum" in cat.stderr
    assert codec("cut", "bad.codes", "c.codes", "--from", "1", "-q").exit_code == 0
    assert codec("cat", "x.codes", "bad.codes", "d.codes", "--strict").exit_code == 1


def test_no_torch_is_loaded(coded: Path) -> None:
    program = (
        "import sys\n"
        "from audiocodec.cli.app import app\n"
        "for words in (['cut', 'x.codes', 'a.codes', '--to', '1'], ['verify', 'x.codes'],\n"
        "              ['cat', 'a.codes', 'x.codes', 'b.codes'],\n"
        "              ['truncate', 'b.codes', 'c.codes', '-n', '1']):\n"
        "    app(words, standalone_mode=False)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[1:] == ["False"], done.stderr
    assert Path("c.codes").exists()
