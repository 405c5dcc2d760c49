"""`codec encode`, from the shell's point of view, and what it refuses."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import audiocodec
from audiocodec.bitstream import summary

WriteSound = Callable[..., Path]
Run = Callable[..., Any]


def wav_bytes(wave: np.ndarray, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, wave, 8000, format="WAV", subtype=subtype)
    return file.getvalue()


def test_one_file_and_what_is_said(codec: Run, write_sound: WriteSound) -> None:
    write_sound("in ü 1.wav", 4000)
    done = codec("encode", "in ü 1.wav")
    assert (done.exit_code, done.stdout) == (0, "")
    size = Path("in ü 1.codes").stat().st_size
    head = "in ü 1.wav -> in ü 1.codes: 0.5 s, 3 levels, 6 kbps, "
    assert done.stderr.startswith(f"{head}{size} bytes, ")
    assert done.stderr.endswith("x real time\n") and done.stderr.count("\n") == 1
    with open("in ü 1.codes", "rb") as file:
        assert summary(file).source_samples == 4000


def test_quiet_says_nothing(codec: Run, write_sound: WriteSound) -> None:
    write_sound("in.wav", channels=2)
    done = codec("encode", "in.wav", "-q", "-b", "5")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("words", "levels"), [((), 3), (("-n", "2"), 2), (("-b", "4"), 2)])
def test_levels_and_bit_rate(
    codec: Run, write_sound: WriteSound, words: tuple[str, ...], levels: int
) -> None:
    write_sound("in.wav")
    done = codec("encode", "in.wav", *words)
    assert audiocodec.Codes.load("in.codes").levels == levels
    assert "asked for" not in done.stderr, "nothing was snapped"


def test_a_bit_rate_is_snapped_down_and_said_so(codec: Run, write_sound: WriteSound) -> None:
    write_sound("in.wav")
    done = codec("encode", "in.wav", "--bitrate", "5.5")
    assert "codec: 5.5 kbps asked for: using 2 levels = 4 kbps\n" in done.stderr
    assert audiocodec.Codes.load("in.codes").levels == 2


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("-n", "2", "-b", "4"), 2, "-n and -b both choose the levels"),
        (("-n", "0"), 2, "-n"),
        (("-n", "4"), 1, "4 levels asked for, but this model has 1 to 3"),
        (("-b", "1.9"), 1, "the lowest bit rate of this model is 2 kbps"),
        (("-b", "nan"), 1, "nan kbps asked for"),
        (("-b", "x"), 2, "-b"),
        (("--device", "tpu"), 2, "none of auto, cpu"),
        (("--threads", "0"), 2, "--threads"),
        (("--raw-channels", "2"), 2, "raw samples need --raw-rate as well"),
        (("--model", "no/such/folder"), 1, "neither a folder nor a Hub name"),
        (("--model", "user/model", "--local-files-only"), 1, "not in the local cache"),
    ],
)
def test_refused_options(
    codec: Run, write_sound: WriteSound, words: tuple[str, ...], code: int, why: str
) -> None:
    write_sound("in.wav")
    done = codec("encode", "in.wav", *words)
    assert done.exit_code == code
    assert why in done.stderr
    if code == 1:
        assert done.stderr.startswith("codec: ") and done.stderr.count("\n") == 1
    assert not Path("in.codes").exists()


def test_stereo_is_told_once_what_it_costs(codec: Run, write_sound: WriteSound) -> None:
    for name in ("a.wav", "b.wav"):
        write_sound(name, channels=2)
    done = codec("encode", "a.wav", "b.wav", "out/")
    cost = (
        "codec: a.wav has 2 channels, and this model codes each by itself: 12 kbps instead of "
        "6 kbps; --mono mixes them down\n"
    )
    assert cost in done.stderr and done.stderr.count("--mono") == 1
    assert "b.wav -> out/b.codes: 0.5 s, 3 levels, 12 kbps" in done.stderr
    done = codec("encode", "a.wav", "--mono")
    assert "3 levels, 6 kbps" in done.stderr and "--mono" not in done.stderr
    assert audiocodec.Codes.load("a.codes").source.channels == 1


def test_a_tree_is_mirrored_and_a_bad_file_does_not_stop_the_others(
    codec: Run, write_sound: WriteSound
) -> None:
    write_sound("in/a.wav")
    write_sound("in/deeper/c.flac")
    Path("in/deeper/b.wav").write_bytes(b"this is no sound")
    done = codec("encode", "in", "-o", "out")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith("in/a.wav -> out/a.codes: ")
    assert lines[1].startswith("codec: cannot read in/deeper/b.wav: ")
    assert lines[2].startswith("in/deeper/c.flac -> out/deeper/c.codes: ")
    assert lines[3:] == ["codec: 1 of 3 files failed:", "  in/deeper/b.wav"]
    assert sorted(map(str, Path("out").rglob("*.*"))) == ["out/a.codes", "out/deeper/c.codes"]


def test_an_existing_output_needs_force(codec: Run, write_sound: WriteSound) -> None:
    write_sound("in.wav")
    Path("in.codes").write_bytes(b"precious")
    done = codec("encode", "in.wav")
    assert done.exit_code == 1 and "in.codes exists already; pass -f" in done.stderr
    assert Path("in.codes").read_bytes() == b"precious"
    assert codec("encode", "in.wav", "-f").exit_code == 0
    assert Path("in.codes").read_bytes() != b"precious"


def test_standard_input_and_output(codec: Run) -> None:
    wave = 0.3 * np.sin(np.arange(1000) * 0.2)
    done = codec("encode", "-", input=wav_bytes(wave))
    assert done.exit_code == 0
    assert done.stderr.startswith("standard input -> standard output: 0.125 s, ")
    found = summary(io.BytesIO(done.stdout_bytes))
    assert (found.source_samples, found.levels) == (1000, 3)
    raw = np.stack([wave, wave], axis=1).astype("<f4").tobytes()
    form = ("--raw-rate", "16000", "--raw-channels", "2", "--raw-encoding", "f32le")
    assert codec("encode", "-", "raw.codes", *form, input=raw).exit_code == 0
    source = audiocodec.Codes.load("raw.codes").source
    assert (source.sample_rate_hz, source.channels, source.samples) == (16000, 2, 1000)


def test_raw_files_are_found_in_folders(codec: Run, place: Path) -> None:
    Path("in").mkdir()
    Path("in/a.raw").write_bytes(bytes(2000))
    done = codec("encode", "in", "-o", "out", "--raw-rate", "8000")
    assert done.exit_code == 0
    assert audiocodec.Codes.load("out/a.codes").source.samples == 1000


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(0),
        np.full(1, 0.5),
        np.zeros(5000),
        np.where(np.arange(5000) // 50 % 2, 1.0, -1.0),
        0.1 * np.sin(np.arange(15)),
        0.1 * np.sin(np.arange(16)),
        0.1 * np.sin(np.arange(17)),
    ],
    ids=["no samples", "one sample", "silence", "square", "hop - 1", "hop", "hop + 1"],
)
def test_edges_come_back_at_their_length(codec: Run, wave: np.ndarray) -> None:
    Path("in.wav").write_bytes(wav_bytes(wave))
    assert codec("encode", "in.wav").exit_code == 0
    done = codec("decode", "in.codes", "back.wav")
    assert done.exit_code == 0, done.stderr
    back, rate_hz = soundfile.read("back.wav")
    assert (back.shape, rate_hz) == (wave.shape, 8000)
    assert np.isfinite(back).all()


def refused(name: str, write_sound: WriteSound) -> str:
    """Make the bad input called `name`; return what the error has to say."""
    path = Path("in.wav")
    wave = np.zeros(1000, np.float32)
    match name:
        case "empty":
            path.touch()
            return "it is empty"
        case "nan":
            wave[123] = np.nan
            path.write_bytes(wav_bytes(wave, "FLOAT"))
            return "sample 123 (0.015375 s) of channel 0"
        case "infinity":
            wave[7] = np.inf
            path.write_bytes(wav_bytes(wave, "FLOAT"))
            return "sample 7 "
        case "truncated":
            path.write_bytes(wav_bytes(wave)[:-500])
            return "truncated: expected 1000 samples, got 750"
        case "not a sound":
            path.write_bytes(b"hello, world\n" * 100)
            return "expected a sound file"
        case "unreadable rate":
            soundfile.write(path, wave, 4000)
            return "8000 to 192000 Hz are supported, this is 4000 Hz"
        case _:
            raise AssertionError(name)


@pytest.mark.parametrize(
    "name", ["empty", "nan", "infinity", "truncated", "not a sound", "unreadable rate"]
)
def test_bad_sound_is_one_line_and_leaves_nothing(
    codec: Run, write_sound: WriteSound, name: str
) -> None:
    why = refused(name, write_sound)
    done = codec("encode", "in.wav", "out.codes")
    assert done.exit_code == 1
    assert why in done.stderr
    assert done.stderr.startswith("codec: ") and done.stderr.count("\n") == 1
    assert os.listdir() == ["in.wav"]


def test_a_mislabelled_sound_is_read_by_its_content(codec: Run, write_sound: WriteSound) -> None:
    write_sound("right.flac").rename("wrong.mp3")
    assert codec("encode", "wrong.mp3").exit_code == 0


def test_outputs_that_cannot_be_written(codec: Run, write_sound: WriteSound) -> None:
    write_sound("in.wav")
    Path("closed").mkdir(mode=0o500)
    for target in ("missing/out.codes", "closed/out.codes", "closed/deep/"):
        if target.startswith("closed") and os.access("closed", os.W_OK):
            continue  # root may write everywhere
        done = codec("encode", "in.wav", target)
        assert done.exit_code == 1
        assert done.stderr.startswith("codec: cannot ") and done.stderr.count("\n") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk(codec: Run, write_sound: WriteSound) -> None:
    write_sound("in.wav")
    done = codec("encode", "in.wav", "/dev/full")
    assert done.exit_code == 1
    assert done.stderr.startswith("codec: cannot write /dev/full: No space left on device")


def test_threads_do_not_change_the_codes(codec: Run, write_sound: WriteSound) -> None:
    import torch

    write_sound("in.wav")
    before = torch.get_num_threads()
    try:
        assert codec("encode", "in.wav", "1.codes", "--threads", "1").exit_code == 0
        assert torch.get_num_threads() == 1
        assert codec("encode", "in.wav", "2.codes", "--threads", "2").exit_code == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert Path("1.codes").read_bytes() == Path("2.codes").read_bytes()


def test_names_cannot_steer_the_terminal(codec: Run, write_sound: WriteSound) -> None:
    write_sound("a\x1b[2J\n.wav")
    done = codec("encode", "a\x1b[2J\n.wav")
    assert done.exit_code == 0
    assert done.stderr.startswith("a\\x1b[2J\\n.wav -> a\\x1b[2J\\n.codes: ")


def test_metadata_and_tags_are_kept_and_shown(codec: Run, place: Path) -> None:
    with soundfile.SoundFile("x.flac", "w", 8000, 1) as sound:
        sound.title, sound.artist = "A\x1b[31m title\n", "someone"
        sound.write(np.zeros(800))
    words = ("--metadata", "artist=A", "--metadata", "artist=B", "--metadata", "comment=a = b")
    assert codec("encode", "x.flac", *words, "--tags").exit_code == 0
    shown = codec("info", "x.codes").stdout.splitlines()[-4:]
    assert shown == [
        "  title     A [31m title",
        "  artist    A",
        "  artist    B",
        "  comment   a = b",
    ]
    facts = json.loads(codec("info", "x.codes", "--json").stdout)
    assert facts["metadata"][-1] == ["comment", "a = b"]
    assert codec("encode", "x.flac", "plain.codes").exit_code == 0
    assert "title" not in codec("info", "plain.codes").stdout


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("title", 2, "--metadata title: expected KEY=VALUE"),
        ("Title=x", 2, "the key of a to z"),
        ("=x", 2, "expected KEY=VALUE"),
        ("title=\x07", 1, "metadata title has control characters"),
        ("title=" + "x" * 70_000, 1, "header"),
    ],
)
def test_metadata_that_a_file_cannot_hold(
    codec: Run, write_sound: WriteSound, text: str, code: int, why: str
) -> None:
    write_sound("x.wav")
    done = codec("encode", "x.wav", "--metadata", text)
    assert done.exit_code == code and why in done.stderr
    assert not Path("x.codes").exists()


def test_several_at_once_are_the_same_files(codec: Run, write_sound: WriteSound) -> None:
    for number in range(5):
        write_sound(f"in/{number}/a.wav", 1000 * (number + 1))
    Path("in/bad.wav").write_bytes(b"this is no sound")
    Path("in/2/bad.wav").write_bytes(b"this is no sound")
    assert codec("encode", "in", "-o", "out", "-q").exit_code == 1
    done = codec("encode", "in", "-o", "beside", "--jobs", "3")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert lines[-3:] == ["codec: 2 of 7 files failed:", "  in/2/bad.wav", "  in/bad.wav"]
    assert sum(line.startswith("codec: cannot read in/") for line in lines) == 2
    assert sum(" -> beside/" in line for line in lines) == 5 and len(lines) == 10
    for path in Path("out").rglob("*.codes"):
        assert (Path("beside") / path.relative_to("out")).read_bytes() == path.read_bytes()
    assert len(list(Path("beside").rglob("*.*"))) == 5
    done = codec("decode", "beside", "-o", "back", "-j", "2")
    assert done.exit_code == 0 and len(list(Path("back").rglob("*.wav"))) == 5


def test_an_error_of_ours_stops_all_that_run(
    codec: Run, write_sound: WriteSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write_sound(f"in/{number}.wav", 40_000)
    real = audiocodec.encode_file

    def broken(source: str, *words: Any, **options: Any) -> Any:
        if source == "in/0.wav":
            raise ZeroDivisionError("a bug")
        return real(source, *words, **options)

    monkeypatch.setattr("audiocodec.files.encode_file", broken)
    with pytest.raises(ZeroDivisionError):
        codec("encode", "in", "-o", "out", "-j", "2")
    assert not list(Path("out").glob(".*.part"))
