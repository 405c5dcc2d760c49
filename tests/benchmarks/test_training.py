"""The benchmark of training steps: it runs, and its ratios are to the plain step."""

from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return run_path(str(ROOT / "benchmarks" / "training.py"))


def test_ratios_are_to_the_plain_step_of_the_phase(script: dict[str, Any]) -> None:
    shares = dict.fromkeys(script["PARTS"], 0.125)
    rows = [script["Row"](*row, shares) for row in (("plain", 1, 2.0), ("bf16", 1, 5.0))]
    lines = script["table"](rows, 8.0).splitlines()
    assert lines[2].startswith("| 1 | plain | 2 | 16 | 1.00 | 12%")
    assert lines[3].startswith("| 1 | bf16 | 5 | 40 | 2.50 |")


def test_it_runs_on_a_small_recipe(
    script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--recipe", "smoke", "--batch", "4", "--rounds", "1", "--steps", "1"]
    script["main"]([*arguments, "--phases", "2", "--variants", "plain,bf16"])
    said = capsys.readouterr().out
    assert said.startswith("smoke, batch 4 of 0.5 s, ")
    assert said.count("\n| 2 | ") == 2 and "bf16" in said
