"""TensorBoard: the run's numbers, sounds and pictures, where it is installed."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audiocodec.evaluate.pictures import RANGE_DB, heat, spectrogram_db

FOLDER = "tensorboard"


class Board:
    """Writes events for TensorBoard into a run's folder; `close` when done."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(str(folder / FOLDER))

    def scalars(self, step: int, row: Mapping[str, object]) -> None:
        """Write every number of a report; what has one per level or part gets a name for each."""
        for name, value in _flat(row):
            if name != "step":
                self.writer.add_scalar(name, value, step)

    def validation(self, step: int, by_levels: Mapping[int, Mapping[str, float]]) -> None:
        """Write the measures of a validation by the number of levels."""
        for levels, measures in by_levels.items():
            for name, value in measures.items():
                self.writer.add_scalar(f"validation_{name}/levels_{levels}", value, step)

    def sound(self, name: str, wav: Tensor, step: int, sample_rate_hz: int) -> None:
        """Write sound [T] to be heard, and its spectrogram."""
        safe = torch.nan_to_num(wav).clamp(-1, 1)
        self.writer.add_audio(name, safe[None], step, sample_rate=sample_rate_hz)
        shares = np.clip(spectrogram_db(safe.numpy()) / RANGE_DB + 1, 0, 1)[::-1]
        self.writer.add_image(name, heat(shares), step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left and close the file."""
        self.writer.close()


def open_board(folder: Path, say: Callable[[str], None]) -> Board | None:
    """Return a board for a run's folder; None, with a remark, without TensorBoard."""
    try:
        return Board(folder)
    except ImportError:
        say("no TensorBoard: pip install 'audiocodec[train]' (the log and the report do without)")
        return None


def _flat(row: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}/{key}", x) for key, x in value.items())
        elif isinstance(value, list):
            yield from ((f"{name}/level_{i}", x) for i, x in enumerate(value))
        elif isinstance(value, int | float):
            yield name, value
