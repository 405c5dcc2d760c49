"""`codec plot` and `codec spectrogram`: pictures of what a file holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Write = Callable[..., Path]


def test_a_spectrogram_as_text(codec: Run, write_sound: Write) -> None:
    write_sound("in.wav")
    done = codec("spectrogram", "in.wav", "--width", "60")
    lines = done.stdout.splitlines()
    assert done.exit_code == 0 and "\x1b" not in done.stdout
    assert lines[0] == "in.wav, 8 kHz" and len(lines) == 18
    assert {len(line) for line in lines[1:]} == {60}
    # A sine of 0.3 radians a sample, at 382 Hz of 4000: in the second line from below.
    darkest = max(range(1, 17), key=lambda i: sum(lines[i].count(c) for c in "*#%@+="))
    assert darkest in (15, 16)


def test_codes_as_text_and_a_stretch(codec: Run, write_sound: Write) -> None:
    write_sound("in.wav")
    codec("encode", "in.wav", "a.codes")
    whole = codec("plot", "a.codes", "--width", "50").stdout.splitlines()
    assert whole[0] == "a.codes, 3 levels" and len(whole) == 5
    part = codec("plot", "a.codes", "--from", "0.1", "--to", "0.2", "--width", "50").stdout
    assert part.splitlines()[-1].split() == ["0.1", "s", "0.2", "s"]
    done = codec("plot", "a.codes", "--from", "7")
    assert done.exit_code == 1 and "no frames there; it ends at 0.5 s" in done.stderr
    assert codec("plot", "a.codes", "--from", "2", "--to", "1").exit_code == 2


def test_pictures_as_png(codec: Run, write_sound: Write) -> None:
    pytest.importorskip("matplotlib")
    write_sound("in.wav")
    codec("encode", "in.wav", "a.codes")
    for source, target in (("in.wav", "in.png"), ("a.codes", "a.png")):
        done = codec("plot", source, "--out", target)
        assert (done.exit_code, done.stdout) == (0, "") and f"wrote {target}" in done.stderr
        assert Path(target).read_bytes()[:4] == b"\x89PNG"


def test_what_is_no_sound_is_one_line(codec: Run, place: Path) -> None:
    (place / "x.wav").write_text("no sound")
    done = codec("spectrogram", "x.wav")
    assert done.exit_code == 1 and done.stderr.count("\n") == 1
