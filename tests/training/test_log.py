"""Lines for people, and lines of JSON for programs."""

import json
import time
from pathlib import Path

import pytest
from audiocodec.training.log import Log
from audiocodec.training.validate import Validation


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_report_has_means_since_the_last_one(tmp_path: Path) -> None:
    said: list[str] = []
    log = Log(tmp_path / "run", steps=100, done=0, console=said.append)
    log.report(0, {})
    log.add({"spectral": 1.0}, 0.1)
    log.add({"spectral": 3.0, "feature": 1.0}, 0.3)
    log.report(2, {"diversity": [0.5]})
    log.add({"spectral": 5.0}, 0.5)
    log.report(3, {})
    log.close()
    assert rows(tmp_path / "run") == [
        {"step": 2, "steps_per_s": 5.0, "spectral": 2.0, "feature": 1.0, "diversity": [0.5]},
        {"step": 3, "steps_per_s": 2.0, "spectral": 5.0},
    ]
    assert len(said) == 2 and said[0].startswith("step 2/100 5.00/s ETA 0 min  spectral 2 ")


def test_the_eta_counts_this_sessions_steps_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    log = Log(tmp_path, steps=10_000, done=9000, console=said.append)
    now += 100.0  # ten steps, pauses for validation included
    log.add({}, 1.0)
    log.report(9010, {})
    log.close()
    assert "ETA 2 h 45 min" in said[0]


def test_validation_and_notes_are_rows(tmp_path: Path) -> None:
    said: list[str] = []
    log = Log(tmp_path, steps=1, done=0, console=said.append)
    log.validation(5, Validation({0: {"mel": 0.5}}))
    log.validation(6, Validation({1: {"mel": 0.5}, 4: {"mel": float("nan")}}))
    log.note("stopped")
    log.close()
    assert rows(tmp_path) == [
        {"step": 5, "validation": {"0": {"mel": 0.5}}},
        {"step": 6, "validation": {"1": {"mel": 0.5}, "4": {"mel": None}}},
        {"note": "stopped"},
    ]
    assert said[0] == "  dev at no levels: mel 0.500" and said[-1] == "stopped"


def test_time_is_reported_in_shares_and_summed_up(tmp_path: Path) -> None:
    said: list[str] = []
    log = Log(tmp_path, steps=9, done=0, console=said.append)
    log.summary(1.0)
    for encoder, backward in ((1.0, 3.0), (3.0, 1.0)):
        log.add({}, 2.0)
        log.time_spent({"encoder": encoder, "backward": backward, "decoder": 0.0})
        log.report(1, {})
    log.summary(8.0)
    log.close()
    first, _, last = rows(tmp_path)
    assert first["time"] == {"encoder": 0.25, "backward": 0.75, "decoder": 0.0}
    assert last["session"] == {
        "steps": 2,
        "steps_per_s": 0.5,
        "audio_s_per_s": 4.0,
        "time": {"encoder": 0.5, "backward": 0.5, "decoder": 0.0},
    }
    assert said[-1] == "0.5 steps/s, 4 s of sound a second: encoder 50%, backward 50%"


def test_a_silent_log_writes_no_file(tmp_path: Path) -> None:
    log = Log(tmp_path, steps=9, done=0, console=lambda text: None, silent=True)
    log.note("one")
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for text in ("one", "two"):
        log = Log(tmp_path, steps=1, done=0, console=lambda line: None)
        log.note(text)
        log.close()
    assert [row["note"] for row in rows(tmp_path)] == ["one", "two"]
