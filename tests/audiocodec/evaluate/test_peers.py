"""Programs as peers: Opus where it is installed, and any command."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from audiocodec.errors import AudioCodecError, MissingExtra
from audiocodec.evaluate.choose import choose_peer, numbers
from audiocodec.evaluate.clips import Clip, Sound
from audiocodec.evaluate.distortion import mel_distance
from audiocodec.evaluate.peers import FFMPEG, OPUS_TOOLS, OpusSystem, command_system, ogg_payload
from audiocodec.evaluate.systems import Copy, System
from audiocodec.evaluate.verdict import find_lag

FloatArray = NDArray[np.float32]
Write = Callable[[str, str], Path]
RATE = 16_000
HALVE = """
import pathlib, sys, soundfile
wav, rate = soundfile.read(sys.argv[1])
pathlib.Path(sys.argv[3]).write_bytes(bytes(int(sys.argv[4]) * 100))
soundfile.write(sys.argv[2], 0.5 * wav, rate)
"""


def copies(system: System, wav: FloatArray) -> list[Copy]:
    clip = Clip(Path("x.wav"), "x.wav", "all", ("all",))
    return list(system.copies(clip, Sound(wav, RATE), system.points))


@pytest.mark.parametrize(("tool", "program"), [(OPUS_TOOLS, "opusenc"), (FFMPEG, "ffmpeg")])
def test_opus_spends_what_it_is_given_and_stays_in_time(
    tool: str, program: str, speech: FloatArray
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    low, high = copies(OpusSystem((48.0, 8.0), tool), speech)
    assert (low.point.name, high.point.name) == ("opus 8 kbps", "opus 48 kbps")
    assert low.payload_bytes is not None and high.payload_bytes is not None
    assert 4 < 8 * low.payload_bytes / 3000 < 12 and 30 < 8 * high.payload_bytes / 3000 < 70
    assert low.file_bytes is not None and low.file_bytes > low.payload_bytes
    reference = torch.from_numpy(speech)
    distances = [
        float(mel_distance(reference, torch.from_numpy(c.wav[: len(speech)]), RATE))
        for c in (high, low)
    ]
    assert distances[0] < distances[1]
    assert find_lag(speech, high.wav[: len(speech)], RATE) == 0


def test_a_payload_is_what_the_packets_take() -> None:
    def page(*segments: int) -> bytes:
        head = b"OggS" + bytes(22) + bytes([len(segments)]) + bytes(segments)
        return head + bytes(sum(segments))

    # Two packets of headers, then 10, 255 + 5 over two pages, 7.
    data = page(19) + page(30) + page(10, 255) + page(5, 7)
    assert ogg_payload(data) == 10 + 260 + 7
    with pytest.raises(AudioCodecError, match="no Ogg"):
        ogg_payload(b"RIFF" + bytes(40))


def test_a_command_runs_without_a_shell(write_program: Write, speech: FloatArray) -> None:
    program = write_program("half it; true.py", HALVE)
    words = f"half={sys.executable} '{program}' {{in}} {{out}} {{codes}} {{kbps}}"
    system = command_system(words, (2.0, 4.0))
    two, four = copies(system, speech)
    assert (two.point.name, four.point.name) == ("half 2 kbps", "half 4 kbps")
    assert (two.payload_bytes, four.payload_bytes) == (200, 400)
    np.testing.assert_allclose(two.wav, 0.5 * speech, atol=1e-4)


def test_a_command_without_rates_has_one_point(write_program: Write, speech: FloatArray) -> None:
    program = write_program("copy.py", "import shutil, sys\nshutil.copy(*sys.argv[1:])")
    system = command_system(f"{sys.executable} {program} {{in}} {{out}}", (2.0, 4.0))
    (copy,) = copies(system, speech)
    assert copy.point.kbps is None and copy.payload_bytes is None
    assert copy.point.system == Path(sys.executable).stem
    np.testing.assert_allclose(copy.wav, speech, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cp {in} x", "needs {in} and {out}"),
        ("no-such-program {in} {out}", "no program 'no-such-program'"),
        ("cp '{in} {out}", "cannot be read"),
        ("", "is empty"),
    ],
)
def test_bad_commands_are_refused(text: str, message: str) -> None:
    with pytest.raises(AudioCodecError, match=message):
        command_system(text, ())


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; sys.exit('first\\nno such bit rate')", "exit code 1: no such bit rate"),
        ("", "wrote no {out}"),
    ],
)
def test_a_command_that_fails_says_why(
    write_program: Write, speech: FloatArray, program: str, message: str
) -> None:
    path = write_program("fail.py", program)
    system = command_system(f"{sys.executable} {path} {{in}} {{out}}", ())
    with pytest.raises(AudioCodecError, match=message):
        copies(system, speech)


def test_copies_of_a_folder_are_found_by_name(tmp_path: Path, speech: FloatArray) -> None:
    (tmp_path / "other" / "sub").mkdir(parents=True)
    soundfile.write(tmp_path / "sub.wav", speech, RATE)
    soundfile.write(tmp_path / "other" / "sub" / "x.flac", 0.5 * speech, RATE)
    system = choose_peer(f"soundfile-dir:{tmp_path / 'other'}", bitrates_kbps=())
    clip = Clip(tmp_path / "sub.wav", "sub/x.wav", "all", ("all",))
    (whole,) = system.copies(clip, Sound(speech, RATE), system.points)
    np.testing.assert_allclose(whole.wav, 0.5 * speech, atol=1e-4)
    (part,) = system.copies(clip, Sound(speech[1000:-1000], RATE), system.points)
    np.testing.assert_allclose(part.wav, 0.5 * speech[1000:-1000], atol=1e-4)
    lost = Clip(tmp_path / "sub.wav", "sub/y.wav", "all", ("all",))
    with pytest.raises(AudioCodecError, match=r"no copy of sub/y.wav; looked for sub.y\.\*"):
        list(system.copies(lost, Sound(speech, RATE), system.points))


def test_what_is_asked_for_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert numbers("6, 1,1,2.5") == (1.0, 2.5, 6.0)
    for text in ("", "a", "0", "-1", "1,nan", "inf"):
        with pytest.raises(AudioCodecError, match="numbers above 0"):
            numbers(text)
    low_passed = choose_peer("lowpass:3500,7000", bitrates_kbps=())
    assert [point.label for point in low_passed.points] == ["3.5 kHz", "7 kHz"]
    with pytest.raises(AudioCodecError, match="6 to 512 kbps, not at 2"):
        choose_peer("opus:2", bitrates_kbps=())
    with pytest.raises(AudioCodecError, match="there is no folder"):
        choose_peer("soundfile-dir:none", bitrates_kbps=())
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingExtra, match="opus-tools"):
        choose_peer("opus:6", bitrates_kbps=())
