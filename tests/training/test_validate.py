"""Validation: the same clips each time, measured, and written to be heard."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from audiocodec.training import validate as validation
from audiocodec.training.config import Recipe, RunConfig
from audiocodec.training.data.corpus import Corpus
from audiocodec.training.data.manifest import Entry
from audiocodec.training.state import TrainState
from audiocodec.training.step import train_step
from audiocodec.training.validate import (
    Validation,
    choose_entries,
    cut_clips,
    reconstruct,
    save_clips,
    treble_db,
    validate,
)

from audiocodec.errors import MissingExtra
from audiocodec.families.soundstream import SoundStream


@pytest.fixture
def network(recipe: Recipe, make_state: Callable[[Recipe], TrainState]) -> SoundStream:
    state = make_state(recipe)
    for _ in range(4):
        train_step(state, state.crops.draw(torch.device("cpu")), recipe)
    network: SoundStream = state.network
    return network


def entries(*categories: str) -> list[Entry]:
    return [Entry(Path(f"{i}"), category, 1e4) for i, category in enumerate(categories)]


def chosen(files: list[Entry], clips: int) -> list[str]:
    return [entry.path.name for entry in choose_entries(files, clips)]


def test_clips_are_spread_evenly_and_of_speech_where_there_is_some() -> None:
    assert chosen(entries(*"abcdefghi"), 3) == ["0", "4", "8"]
    assert chosen(entries("music", "speech", "music", "speech"), 5) == ["1", "3"]


def test_clips_skip_the_first_second_where_they_can(make_corpus: Callable[..., Corpus]) -> None:
    waves = [torch.arange(n) / 1000 for n in (300, 150, 50)]
    clips = cut_clips(make_corpus(waves), RunConfig(validation_s=1.0), 100)
    assert [len(clip) for clip in clips] == [100, 100, 50]
    assert [round(float(clip[0]) * 1000) for clip in clips] == [100, 50, 0]


def test_measures_by_levels_and_the_score_of_the_most(network: SoundStream) -> None:
    clips = [0.3 * torch.sin(torch.arange(1000) / 5), 0.1 * torch.ones(40)]
    found = validate(network, clips, (1, 99), quantize=True)
    assert list(found.by_levels) == [1, 3]
    assert all(set(row) == {"mel", "si_sdr_db"} for row in found.by_levels.values())
    assert found.score == found.by_levels[3]["mel"] > 0
    assert list(validate(network, clips, (1,), quantize=False).by_levels) == [0]
    assert network.training, "the network is left in training mode"


def test_perceptual_measures_are_taken_where_they_are_installed(
    network: SoundStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> float:
        raise MissingExtra("not installed")

    heard = iter((2.0, float("nan"), 4.0))
    measures = {"stoi": missing, "visqol": lambda *_: next(heard)}
    monkeypatch.setattr(validation, "PERCEPTUAL", measures)
    clips = [0.3 * torch.sin(torch.arange(8000) / pitch) for pitch in (5, 6, 7)]
    (row,) = validate(network, clips, (1,), quantize=True).by_levels.values()
    assert "stoi" not in row
    assert row["visqol"] == 3.0, "a clip in which nothing is heard counts for nothing"


def test_lost_treble_is_measured_where_there_was_some() -> None:
    radians = 2 * torch.pi * torch.arange(24_000) / 24_000
    low, high = torch.sin(500 * radians), 0.1 * torch.sin(10_000 * radians)
    assert treble_db(low + high, low + 0.5 * high, 24_000) == pytest.approx(-6.02, abs=0.05)
    assert treble_db(low + high, low + high, 24_000) == pytest.approx(0, abs=1e-3)
    assert treble_db(low, low + high, 24_000) is None


def test_the_lowest_score_is_of_the_most_levels() -> None:
    assert Validation({1: {"mel": 0.1}, 8: {"mel": 0.3}}).score == 0.3


def test_a_diverged_network_is_measured_and_written_not_fatal(
    tmp_path: Path, network: SoundStream
) -> None:
    with torch.no_grad():
        next(network.decoder.parameters()).fill_(float("nan"))
    clips = [torch.ones(9000) / 2]
    assert np.isnan(validate(network, clips, (1,), quantize=True).score)
    save_clips(network, clips, tmp_path, step=1, quantize=True)


def test_clips_are_written_beside_what_became_of_them(tmp_path: Path, network: SoundStream) -> None:
    clips = [0.3 * torch.sin(torch.arange(1001) / 5), 0.3 * torch.sin(torch.arange(500) / 9)]
    save_clips(network, clips, tmp_path / "clips", step=50, quantize=True)
    save_clips(network, clips, tmp_path / "clips", step=100, quantize=False)
    assert sorted(p.name for p in (tmp_path / "clips").iterdir()) == [
        f"{i}_{name}.wav"
        for i in ("00", "01")
        for name in ("real", "step_0000050_levels_3", "step_0000100_levels_0")
    ]
    real, rate = soundfile.read(tmp_path / "clips" / "00_real.wav", dtype="float32")
    np.testing.assert_allclose(real, clips[0].numpy(), atol=1 / 32768)
    fake, _ = soundfile.read(tmp_path / "clips" / "00_step_0000050_levels_3.wav", dtype="float32")
    expected = reconstruct(network, clips[0], 3).clamp(-1, 1).numpy()
    np.testing.assert_allclose(fake, expected, atol=1 / 32768)
    assert rate == 8000 and len(fake) == 1001
