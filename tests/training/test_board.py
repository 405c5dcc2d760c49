"""TensorBoard: what is written can be read again; without it a run goes on."""

import sys
from pathlib import Path

import pytest
import torch
from audiocodec.training.board import FOLDER, Board, open_board


@pytest.mark.filterwarnings("ignore")  # TensorBoard's and its dependencies' own
def test_numbers_sounds_and_pictures_are_there(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = open_board(tmp_path, pytest.fail)
    assert isinstance(board, Board)
    row = {"step": 3, "spectral": 0.5, "diversity": [0.25, 0.75], "time": {"data": 0.125}}
    board.scalars(3, row)
    board.validation(4, {2: {"mel": 0.5}})
    board.sound("00/real", torch.full((3000,), float("nan")), 4, 8000)
    board.close()
    events = reader.EventAccumulator(str(tmp_path / FOLDER)).Reload()
    tags = events.Tags()
    assert set(tags["scalars"]) == {
        "spectral", "diversity/level_0", "diversity/level_1", "time/data",
        "validation_mel/levels_2",
    }  # fmt: skip
    (found,) = events.Scalars("diversity/level_1")
    assert (found.step, found.value) == (3, 0.75)
    assert tags["audio"] == ["00/real"] and tags["images"] == ["00/real"]
    (sound,) = events.Audio("00/real")
    assert sound.sample_rate == 8000 and sound.encoded_audio_string[:4] == b"RIFF"


def test_without_it_there_is_one_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said: list[str] = []
    assert open_board(tmp_path, said.append) is None
    assert len(said) == 1 and "audiocodec[train]" in said[0]
    assert list(tmp_path.iterdir()) == []
