"""A split is read with its oddities said, and a warning where high frequencies are rare."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audiocodec.training.config import Recipe
from audiocodec.training.data.reading import read_training, read_validation
from audiocodec.training.validate import choose_entries


@pytest.fixture
def corpus(tmp_path: Path, recipe: Recipe) -> Recipe:
    """Return the tiny recipe with a manifest of four files of a second, one up to 3 kHz."""
    lines = ["path,split,bandwidth_hz"]
    for i, band in enumerate((1000, 1000, 1000, 3000)):
        soundfile.write(tmp_path / f"{i}.wav", 0.1 * np.sin(np.arange(8000) / (2 + i)), 8000)
        lines.append(f"{i}.wav,{'train' if i else 'dev'},{band}")
    lines.append("missing.wav,train,1000")
    (tmp_path / "files.csv").write_text("\n".join(lines))
    data = replace(recipe.data, root=str(tmp_path), manifest="files.csv", full_band_hz=2500.0)
    return replace(recipe, data=data)


def test_what_is_read_and_what_is_wrong_is_said(corpus: Recipe) -> None:
    said: list[str] = []
    assert len(read_training(corpus, said.append).entries) == 3
    assert any(line.startswith("left out: ") and "missing.wav" in line for line in said)
    assert any(line.endswith("in 3 files, 1 left out") for line in said)
    assert said[-1].startswith("33% of crops reach 2500 Hz; the codec will learn to drop")


def test_shares_settle_the_warning(corpus: Recipe) -> None:
    said: list[str] = []
    shared = replace(corpus, data=replace(corpus.data, full_band_share=0.75))
    read_training(shared, said.append)
    assert said[-1] == "75% of crops reach 2500 Hz"
    above = replace(corpus, data=replace(corpus.data, full_band_hz=10_000.0))
    said.clear()
    read_training(above, said.append)
    assert not any("crops reach" in line for line in said), "the codec has no such frequencies"


def test_no_more_hours_than_asked_for_in_any_order(corpus: Recipe) -> None:
    little = replace(corpus, data=replace(corpus.data, max_hours=0.5 / 3600))
    assert len(read_training(little, lambda text: None).entries) == 1


def test_validation_takes_what_is_chosen(corpus: Recipe) -> None:
    clips = replace(corpus, run=replace(corpus.run, validation_clips=1))
    found = read_validation(clips, lambda text: None, choose_entries)
    assert [entry.path.name for entry in found.entries] == ["0.wav"]
