"""The quality benchmark chooses clips, averages and reports as it says."""

import json
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pytest
import soundfile

from audiocodec.codec import Codec

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "quality.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return run_path(str(SCRIPT))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = ["path,split,category"]
    for i in range(4):
        wav = 0.1 * np.random.default_rng(i).standard_normal(8000)
        soundfile.write(folder / f"{i}.wav", wav, 8000)
        rows.append(f"{i}.wav,{'train' if i == 3 else 'dev'},{'music' if i == 2 else 'speech'}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_manifest_chooses(script: dict[str, Any], corpus: Path) -> None:
    clips = script["list_clips"](corpus, "dev")
    assert [(clip.path.name, clip.category) for clip in clips] == [
        ("2.wav", "music"),
        ("0.wav", "speech"),
        ("1.wav", "speech"),
    ]
    kept = script["thin_out"](clips, 1)
    assert [clip.category for clip in kept] == ["music", "speech"]
    with pytest.raises(SystemExit, match="no sound files of split 'test'"):
        script["list_clips"](corpus, "test")


def test_without_one_all_files_count(script: dict[str, Any], corpus: Path) -> None:
    (corpus / "manifest.csv").unlink()
    clips = script["list_clips"](corpus, "dev")
    assert {(clip.path.name, clip.category) for clip in clips} == {
        (f"{i}.wav", "all") for i in range(4)
    }
    (corpus / "manifest.csv").write_text("file\n0.wav\n")
    with pytest.raises(SystemExit, match="column named path"):
        script["list_clips"](corpus, "dev")


def test_clips_are_from_the_middle(script: dict[str, Any], corpus: Path) -> None:
    whole, rate = script["read_clip"](corpus / "0.wav", 0)
    part, _ = script["read_clip"](corpus / "0.wav", 0.25)
    assert (rate, len(whole), len(part)) == (8000, 8000, 2000)
    np.testing.assert_array_equal(part, whole[3000:5000])


def test_the_interval_holds_the_mean_and_leaves_nan_out(script: dict[str, Any]) -> None:
    values = list(np.random.default_rng(0).normal(5, 2, size=400))
    found = script["bootstrap"]([*values, float("nan")])
    assert found.clips == 400
    assert found.mean == pytest.approx(np.mean(values))
    # The normal approximation of the same interval.
    half = 1.96 * np.std(values) / 20
    assert found.high - found.mean == pytest.approx(half, rel=0.15)
    assert found.mean - found.low == pytest.approx(half, rel=0.15)
    assert script["bootstrap"]([float("nan")]).clips == 0


def test_levels_are_powers_of_two_and_the_most(script: dict[str, Any]) -> None:
    assert script["level_choices"]([], 12) == [1, 2, 4, 8, 12]
    assert script["level_choices"]([5, 1, 5], 12) == [1, 5]


def test_missing_libraries_are_named_and_left_out(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    available = script["available"]
    found = available.__globals__["find_spec"]
    monkeypatch.setitem(
        available.__globals__, "find_spec", lambda name: None if name == "pesq" else found(name)
    )
    assert "PESQ-WB" not in available() and "SI-SDR dB" in available()
    assert "PESQ-WB is left out: pesq is not installed" in capsys.readouterr().err


def test_a_whole_run(
    script: dict[str, Any],
    tiny_codec: Codec,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny_codec.save(tmp_path / "model")
    out = tmp_path / "quality.json"
    options = ["quality", str(corpus), "--model", str(tmp_path / "model"), "--json", str(out)]
    monkeypatch.setattr(sys, "argv", [*options, "--levels", "1,3"])
    script["main"]()
    said = capsys.readouterr()
    assert "3/3 1.wav" in said.err
    table = [line.split(" | ") for line in said.out.splitlines() if line.startswith("| ")]
    assert [row[:4] for row in table[1:]] == [
        ["| music", "1", "1", "2"],
        ["| music", "1", "3", "6"],
        ["| speech", "2", "1", "2"],
        ["| speech", "2", "3", "6"],
    ]
    report = json.loads(out.read_text())
    assert report["model"]["name"] == "tiny" and len(report["clips"]) == 6
    one, three = (row["file_bps"] for row in report["rows"][2:])
    assert 2000 < one < three < 10_000
    monkeypatch.setattr(sys, "argv", [*options, "--levels", "9"])
    with pytest.raises(SystemExit, match="this model has 1 to 3; choose a number in that range"):
        script["main"]()
