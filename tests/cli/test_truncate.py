"""`codec truncate`: fewer levels, for one file, a pipe or a tree."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WriteSound = Callable[..., Path]
Run = Callable[..., Any]
GOLDEN = Path(__file__).parents[1] / "golden" / "bitstream"


@pytest.fixture
def coded(codec: Run, write_sound: WriteSound) -> Path:
    """x.codes: three levels, half a second."""
    write_sound("x.wav")
    assert codec("encode", "x.wav", "-q").exit_code == 0
    return Path("x.codes")


@pytest.mark.parametrize("words", [("-n", "2"), ("-b", "5")])
def test_it_is_what_encode_makes(codec: Run, coded: Path, words: tuple[str, ...]) -> None:
    assert codec("encode", "x.wav", "two.codes", "-n", "2").exit_code == 0
    done = codec("truncate", "x.codes", "out.codes", *words)
    assert (done.exit_code, done.stdout) == (0, "")
    assert Path("out.codes").read_bytes() == Path("two.codes").read_bytes()
    size = Path("out.codes").stat().st_size
    assert done.stderr == f"x.codes -> out.codes: 0.5 s, 2 levels, 4 kbps, {size} bytes\n"
    piped = codec("truncate", "-", *words, "-q", input=coded.read_bytes())
    assert piped.stdout_bytes == Path("two.codes").read_bytes() and piped.stderr == ""


def test_a_tree(codec: Run, coded: Path) -> None:
    Path("in/deep").mkdir(parents=True)
    for name in ("in/a.codes", "in/deep/b.codes"):
        shutil.copy(coded, name)
    done = codec("truncate", "in", "-o", "low", "-n", "1")
    assert done.exit_code == 0, done.stderr
    found = sorted(path.as_posix() for path in Path("low").rglob("*.codes"))
    assert found == ["low/a.codes", "low/deep/b.codes"]
    assert Path("low/a.codes").stat().st_size < coded.stat().st_size


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("x.codes", "out.codes"), 2, "-n or -b chooses"),
        (("x.codes", "out.codes", "-n", "1", "-b", "2"), 2, "give one of them"),
        (("x.codes", "-n", "1"), 2, "name the output as well"),
        (("x.codes", "x.codes", "-n", "1", "-f"), 1, "would replace an input"),
        (("x.codes", "there.codes", "-n", "1"), 1, "there.codes exists already"),
        (("x.codes", "out.codes", "-n", "4"), 1, "4 levels asked for"),
        (("x.codes", "out.codes", "-b", "0.5"), 1, "the lowest bit rate"),
        (("x.wav", "out.codes", "-n", "1"), 1, "x.wav: this is not a .codes file"),
    ],
)
def test_refused(codec: Run, coded: Path, words: tuple[str, ...], code: int, why: str) -> None:
    Path("there.codes").write_bytes(b"mine")
    before = coded.read_bytes()
    done = codec("truncate", *words)
    assert done.exit_code == code and why in done.stderr
    assert coded.read_bytes() == before and Path("there.codes").read_bytes() == b"mine"
    assert not Path("out.codes").exists()


def test_damage_is_told_and_shows_in_the_exit_code(codec: Run, place: Path) -> None:
    damaged = str(GOLDEN / "stereo.codes")
    done = codec("truncate", damaged, "out.codes", "-n", "1", "-q")
    assert done.exit_code == 3
    assert "is damaged in 1 place, and so is the output: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert codec("truncate", damaged, "no.codes", "-n", "1", "--strict").exit_code == 1
    assert not Path("no.codes").exists()
