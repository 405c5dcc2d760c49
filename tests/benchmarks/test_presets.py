"""The table of presets counts right, and docs/presets.md is what it prints."""

from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from audiocodec.families.presets import PRESETS
from audiocodec.families.soundstream import SoundStreamConfig

ROOT = Path(__file__).parents[2]

SMALL = SoundStreamConfig(
    sample_rate_hz=600,
    strides=(2, 3),
    encoder_channels=(2, 4, 8),
    decoder_channels=(3, 5, 7),
    unit_kernel=7,
    dilations=(1, 3),
    latent_dim=6,
    levels=4,
    codebook_size=16,
)
"""100 frames a second of 6 samples."""


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return run_path(str(ROOT / "benchmarks" / "presets.py"))


def test_counts_are_those_by_hand(script: dict[str, Any]) -> None:
    cost = script["count"](SMALL)
    # Weight by weight, times how often it is used in a frame of 6 samples.
    encoder = 6 * (1 * 2 * 7) + 6 * 2 * (2 * 2 * 7 + 2 * 2) + 3 * (2 * 4 * 4)
    encoder += 3 * 2 * (4 * 4 * 7 + 4 * 4) + 1 * (4 * 8 * 6) + 1 * (8 * 6 * 3)
    decoder = 1 * (6 * 7 * 3) + 1 * (7 * 5 * 6) + 3 * 2 * (5 * 5 * 7 + 5 * 5)
    decoder += 3 * (5 * 3 * 4) + 6 * 2 * (3 * 3 * 7 + 3 * 3) + 6 * (3 * 1 * 7)
    search = 4 * 16 * 6
    assert cost.flop == (2 * 100 * encoder, 2 * 100 * search, 2 * 100 * decoder)
    weights = 14 + 2 * 32 + 32 + 2 * 128 + 192 + 144
    biases = 2 + 4 * 2 + 4 + 4 * 4 + 8 + 6
    assert cost.parameters[:2] == (weights + biases, 4 * 16 * 6)


def test_the_page_is_what_the_script_prints(script: dict[str, Any]) -> None:
    cost_table: Callable[[], list[str]] = script["cost_table"]
    page = (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
    table = cost_table()
    assert len(table) == 2 + len(PRESETS)
    missing = [line for line in [*table, script["LEGEND"]] if line not in page]
    assert not missing, "make docs/presets.md again: the command is at its end"


def test_speeds_are_measured(script: dict[str, Any]) -> None:
    speed = script["measure"](SMALL, repeats=2)
    assert speed.encode > 0 and speed.decode > 0
