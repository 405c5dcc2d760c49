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


def test_levels_are_powers_of_two_and_the_most(script: dict[str, Any]) -> None:
    assert script["level_choices"]([], 12) == [1, 2, 4, 8, 12]
    assert script["level_choices"]([5, 1, 5], 12) == [1, 5]


def test_missing_libraries_are_named_and_left_out(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    assert "PESQ-WB" not in script["available"]() and "SI-SDR dB" in script["available"]()
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
    assert "3/3 2.wav" in said.err
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
