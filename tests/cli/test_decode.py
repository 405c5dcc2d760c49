"""`codec decode`, from the shell's point of view, and what it refuses."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

WriteSound = Callable[..., Path]
Run = Callable[..., Any]


@pytest.fixture
def coded(codec: Run, write_sound: WriteSound) -> Path:
    """x.codes: five seconds, 16 kHz, stereo, in several chunks."""
    write_sound("x.flac", 80_000, channels=2, sample_rate_hz=16_000)
    assert codec("encode", "x.flac", "-q").exit_code == 0
    Path("x.flac").unlink()
    return Path("x.codes")


def test_one_file_and_what_is_said(codec: Run, coded: Path) -> None:
    done = codec("decode", "x.codes")
    assert (done.exit_code, done.stdout) == (0, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("x.codes -> x.wav: 5 s, 3 levels, 16000 Hz, 2 channels, ")
    info = soundfile.info("x.wav")
    assert (info.frames, info.samplerate, info.channels) == (80_000, 16_000, 2)
    assert (info.format, info.subtype) == ("WAV", "PCM_16")


@pytest.mark.parametrize(
    ("words", "name", "form", "subtype"),
    [
        (("--encoding", "float32"), "x.wav", "WAV", "FLOAT"),
        (("back.flac", "--encoding", "pcm24"), "back.flac", "FLAC", "PCM_24"),
        (("--format", "flac"), "x.flac", "FLAC", "PCM_16"),
        (("out/", "--format", "ogg"), "out/x.ogg", "OGG", "VORBIS"),
    ],
)
def test_formats(
    codec: Run, coded: Path, words: tuple[str, ...], name: str, form: str, subtype: str
) -> None:
    assert codec("decode", "x.codes", *words).exit_code == 0
    info = soundfile.info(name)
    assert (info.format, info.subtype, info.frames) == (form, subtype, 80_000)


def test_standard_input_and_output(codec: Run, coded: Path) -> None:
    assert codec("decode", "x.codes", "x.wav").exit_code == 0
    done = codec("decode", "-", input=coded.read_bytes())
    assert done.exit_code == 0
    expected = soundfile.read("x.wav", dtype="int16")[0]
    heard, rate_hz = soundfile.read(io.BytesIO(done.stdout_bytes), dtype="int16")
    assert rate_hz == 16_000 and np.array_equal(heard, expected)
    for words in (("--raw",), ("--format", "raw")):
        raw = codec("decode", "x.codes", "-", *words).stdout_bytes
        assert np.array_equal(np.frombuffer(raw, "<i2").reshape(-1, 2), expected)


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="this system has no /dev/null")
def test_a_device_needs_no_suffix(codec: Run, coded: Path) -> None:
    assert codec("decode", "x.codes", "/dev/null").exit_code == 0


def test_fewer_levels(codec: Run, coded: Path) -> None:
    assert codec("decode", "x.codes", "all.wav").exit_code == 0
    done = codec("decode", "x.codes", "one.wav", "-n", "1")
    assert "1 level, " in done.stderr
    assert not np.array_equal(soundfile.read("all.wav")[0], soundfile.read("one.wav")[0])


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("-n", "4"), 1, "4 levels asked for"),
        (("back.xyz",), 1, "the suffix has to name the format"),
        (("back.codes",), 2, "several inputs"),
        (("-o", "back.codes"), 2, "named like"),
        (("back.wav", "--format", "flac"), 2, "--format flac, but the output is back.wav"),
        (("-", "--format", "flac"), 2, "standard output is wav or raw"),
        (("--raw", "--format", "flac"), 2, "--raw is --format raw, not flac"),
        (("--format", "aac"), 2, "--format"),
        (("back.flac", "--encoding", "float32"), 1, "FLAC holds pcm16 or pcm24"),
    ],
)
def test_refused_options(
    codec: Run, coded: Path, words: tuple[str, ...], code: int, why: str
) -> None:
    done = codec("decode", "x.codes", *words)
    assert done.exit_code == code
    assert why in done.stderr
    if code == 1:
        assert done.stderr.startswith("codec: ") and done.stderr.count("\n") == 1
    assert os.listdir() == ["x.codes"]


def test_an_original_is_not_replaced(codec: Run, coded: Path) -> None:
    Path("x.wav").write_bytes(b"the original")
    done = codec("decode", "x.codes")
    assert done.exit_code == 1 and "x.wav exists already; pass -f" in done.stderr
    assert Path("x.wav").read_bytes() == b"the original"


def test_damage_is_told_even_when_quiet_and_refused_when_strict(codec: Run, coded: Path) -> None:
    data = bytearray(coded.read_bytes())
    data[len(data) // 2] ^= 1
    coded.write_bytes(data)
    done = codec("decode", "x.codes", "-q")
    assert done.exit_code == 3
    assert done.stderr.startswith("codec: x.codes is damaged in 1 place, ")
    assert done.stderr.count("\n") == 1
    assert soundfile.info("x.wav").frames == 80_000
    done = codec("decode", "x.codes", "strict.wav", "--strict")
    assert done.exit_code == 1 and done.stderr.count("\n") == 1
    assert not Path("strict.wav").exists()


def test_a_file_that_was_cut_off_is_decoded_as_far_as_it_goes(codec: Run, coded: Path) -> None:
    data = coded.read_bytes()
    coded.write_bytes(data[: len(data) // 2])
    done = codec("decode", "x.codes")
    assert done.exit_code == 3
    assert done.stderr.startswith("codec: x.codes is damaged in 1 place: the file ends ")
    assert 16_000 <= soundfile.info("x.wav").frames < 80_000


def test_one_damaged_file_of_many_shows_in_the_exit_code(codec: Run, coded: Path) -> None:
    data = bytearray(coded.read_bytes())
    data[len(data) // 2] ^= 1
    Path("bad.codes").write_bytes(data)
    assert codec("decode", "bad.codes", "x.codes", "out/", "-q").exit_code == 3
    Path("none.codes").touch()
    done = codec("decode", "bad.codes", "none.codes", "x.codes", "more/", "-q")
    assert done.exit_code == 1 and "1 of 3 files failed" in done.stderr


def test_what_is_no_codes_file(codec: Run, write_sound: WriteSound) -> None:
    write_sound("sound.codes.wav").rename("sound.codes")
    Path("empty.codes").touch()
    for name in ("sound.codes", "empty.codes"):
        done = codec("decode", name, "back.wav")
        assert done.exit_code == 1, name
        assert done.stderr.startswith("codec: ") and done.stderr.count("\n") == 1
        assert not Path("back.wav").exists()


def test_a_missing_file_and_one_that_is_a_folder(codec: Run, place: Path) -> None:
    Path("folder.codes").mkdir()
    assert "there is no such file" in codec("decode", "nosuch.codes").stderr
    done = codec("decode", "folder.codes", "out/")
    assert done.exit_code == 1 and "no .codes files in folder.codes" in done.stderr


def test_codes_of_other_weights_are_refused_unless_forced(
    codec: Run, coded: Path, make_tiny_codec: Callable[..., Any], place: Path
) -> None:
    make_tiny_codec(seed=1, name="other").save(place / "other")
    words = ("--model", "other", "--device", "cpu")
    done = codec("decode", "x.codes", *words)
    assert done.exit_code == 1
    assert "the codes were made with tiny" in done.stderr and "--force-model" in done.stderr
    assert not Path("x.wav").exists()
    assert codec("decode", "x.codes", *words, "--force-model").exit_code == 0


def test_clipping_is_told(codec: Run, coded: Path) -> None:
    done = codec("decode", "x.codes", "loud.wav", "--encoding", "float32")
    assert "clipped" not in done.stderr
    peak = np.abs(soundfile.read("loud.wav")[0]).max()
    done = codec("decode", "x.codes", "x.wav")
    assert ("clipped, the largest at" in done.stderr) == (peak > 1)


def test_a_tree_comes_back(codec: Run, write_sound: WriteSound) -> None:
    names = ["a.wav", "deep er/ü.wav"]
    for name in names:
        write_sound(f"in/{name}", 500)
    assert codec("encode", "in", "codes/").exit_code == 0
    assert codec("decode", "codes", "back/").exit_code == 0
    found = [str(path.relative_to("back")) for path in sorted(Path("back").rglob("*.wav"))]
    assert found == names
