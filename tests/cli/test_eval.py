"""`codec eval`, `codec listening-test`: from arguments to files."""

import csv
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., Any]


@pytest.fixture
def sounds(place: Path) -> Path:
    folder = place / "sounds"
    folder.mkdir()
    for i in range(3):
        time = np.arange(6000 + 500 * i) / 8000
        wave = 0.3 * np.sin(2 * np.pi * (200 + 300 * i) * time * (1 + time))
        soundfile.write(folder / f"{i}.wav", wave, 8000)
    return folder


QUICK = ("--jobs", "1", "--measures", "si_sdr_db,mel_distance,kept_1,kept_10,sliced", "-q")


def test_a_run_writes_everything(codec: "Run", model_folder: Path, sounds: Path) -> None:
    done = codec(
        "eval", str(model_folder), "sounds", "-b", "2,6", "--against", "lowpass:1000", *QUICK,
        "--out", "out", "--page", "--players", "1",
    )  # fmt: skip
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    table = json.loads(Path("out/evaluation.json").read_text())
    rows = {(row["system"], row["label"]): row for row in table["means"]}
    assert list(rows) == [("tiny", "2 kbps"), ("tiny", "6 kbps"), ("low-pass", "1 kHz")]
    assert rows["tiny", "2 kbps"]["payload_kbps"] < rows["tiny", "6 kbps"]["payload_kbps"]
    assert rows["tiny", "6 kbps"]["measures"]["kept_1"]["clips"] == 1
    assert [use["level"] for use in table["usage"]] == [1, 2, 3]
    with open("out/clips.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 9
    assert "## all (3 clips)" in Path("out/evaluation.md").read_text()
    assert Path("out/page/index.html").is_file()
    assert len(list(Path("out/page/sounds").iterdir())) == 4


def test_it_goes_on_and_can_start_afresh(codec: "Run", model_folder: Path, sounds: Path) -> None:
    words = ("eval", str(model_folder), "sounds", "-n", "1", *QUICK[:-1], "--out", "out")
    first, second, third = codec(*words), codec(*words), codec(*words, "--fresh")
    assert first.stdout == second.stdout == third.stdout
    assert "| tiny 2 kbps |" in first.stdout
    assert "3 copies were measured by an earlier run" in second.stderr
    assert "earlier run" not in first.stderr + third.stderr
    assert "wrote out/evaluation.md" in first.stderr


def test_what_is_wrong_with_copies_is_said(codec: "Run", model_folder: Path, sounds: Path) -> None:
    (sounds.parent / "copies").mkdir()
    wav, rate = soundfile.read(sounds / "0.wav")
    soundfile.write("copies/0.flac", wav[:-100], rate)
    soundfile.write("copies/1.wav", 0 * wav, rate)
    against = ("--against", "soundfile-dir:copies")
    done = codec("eval", str(model_folder), "sounds", "-n", "1", *against, *QUICK, "-o", "out")
    assert done.exit_code == 1  # for the copy that is missing
    assert "copies has no copy of 2.wav" in done.stderr
    assert "0.wav, copies files: shorter: 100 samples shorter\n" in done.stderr
    assert "1.wav, copies files: silent: the copy is silent; not measured" in done.stderr


def test_a_peer_and_missing_packages(
    codec: "Run", model_folder: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    Path("cp.py").write_text("import shutil, sys\nshutil.copy(*sys.argv[1:])")
    peer = f"same={shlex.quote(sys.executable)} cp.py {{in}} {{out}}"
    measures = ("--jobs", "1", "--measures", "pesq_wb,si_sdr_db")
    done = codec(
        "eval", str(model_folder), "sounds", "-n", "1", "--peer", peer, *measures, "-o", "o"
    )
    assert done.exit_code == 0
    assert "PESQ-WB is left out: pesq is not installed" in done.stderr
    assert "| same files | – |" in done.stdout
    table = json.loads(Path("o/evaluation.json").read_text())
    same = next(row for row in table["means"] if row["system"] == "same")
    assert same["measures"]["si_sdr_db"]["mean"] > 60


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["none"], 1, "none: there is no such folder"),
        (["sounds", "-b", "x"], 1, "numbers above 0"),
        (["sounds", "-b", "2", "-n", "1"], 2, "both choose the levels"),
        (["sounds", "--measures", "peks"], 1, "no measure is called 'peks'"),
        (["sounds", "--against", "opus:1"], 1, "6 to 512 kbps"),
        (["sounds", "--peer", "cp a b"], 1, "needs {in} and {out}"),
    ],
)
def test_wrong_words_are_one_line(
    codec: "Run", model_folder: Path, sounds: Path, words: list[str], code: int, message: str
) -> None:
    done = codec("eval", str(model_folder), *words)
    assert done.exit_code == code
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not Path("evaluation").exists()


def test_extra_clips_to_listen_to(codec: "Run", model_folder: Path, sounds: Path) -> None:
    extra = sounds.parent / "extra"
    extra.mkdir()
    (extra / "mine.wav").write_bytes((sounds / "0.wav").read_bytes())
    codec("eval", str(model_folder), "sounds", "-n", "1", *QUICK, "--page", "--listen", "extra")
    table = json.loads(Path("evaluation/evaluation.json").read_text())
    assert {row["clips"] for row in table["means"]} == {3}
    assert "extra/mine.wav" in [row["clip"] for row in table["clips"]]
    assert len(list(Path("evaluation/page/sounds").iterdir())) == 2


def test_a_listening_test(codec: "Run", model_folder: Path, sounds: Path) -> None:
    done = codec(
        "listening-test", str(model_folder), "sounds", "-n", "1,3", "--limit", "2", "--jobs", "1"
    )
    assert done.exit_code == 0
    assert "wrote listening-test/page/listening.html: 2 sounds, 4 versions each" in done.stderr
    # Reference, hidden reference, anchor and two rates of two sounds.
    assert len(list(Path("listening-test/page/sounds").iterdir())) == 2 * 5
    assert codec("listening-test", "sounds", "--anchors", " ").exit_code == 2
