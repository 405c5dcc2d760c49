"""A Hugging Face dataset in a folder: read row by row, decoded by us."""

import builtins
import csv
import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from audiocodec.training.config import DataConfig
from audiocodec.training.data.corpus import load_corpus
from audiocodec.training.data.huggingface import stream_entries
from audiocodec.training.data.manifest import NoData

from audiocodec.errors import MissingExtra


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an audio folder of three sounds in train, with speakers, the last one broken."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "set" / "train"
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "speaker_id"])
        for i in range(2):
            tone = 0.3 * np.sin(np.arange(1600) * (0.1 + i))
            soundfile.write(folder / f"{i}.wav", tone, 16_000)
            table.writerow([f"{i}.wav", f"who{i}"])
        (folder / "2.wav").write_text("no sound")
        table.writerow(["2.wav", "who2"])
    return tmp_path / "set"


@pytest.mark.filterwarnings("ignore")  # of its own dependencies
def test_a_folder_of_files_is_read_with_its_speakers(dataset: Path) -> None:
    pytest.importorskip("datasets")
    config = DataConfig(dataset=str(dataset), speaker_column="speaker_id")
    corpus = load_corpus(stream_entries(config, "train"), 8000, lambda done: None)
    assert [entry.speaker for entry in corpus.entries] == ["who0", "who1"]
    assert corpus.lengths.tolist() == [800, 800] and corpus.resampled == 2
    assert len(corpus.unreadable) == 1 and "2.wav" in corpus.unreadable[0]
    gc.collect()  # files that it leaves open complain here


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("streaming", [True, False])
def test_a_table_of_bytes_is_read_without_decoding_by_others(
    dataset: Path, tmp_path: Path, streaming: bool
) -> None:
    pytest.importorskip("datasets")
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    held = [{"bytes": (dataset / "train" / f"{i}.wav").read_bytes(), "path": None} for i in (0, 1)]
    (tmp_path / "table").mkdir()
    table = arrow.table({"sound": held, "who": [7, 8]})
    parquet.write_table(table, tmp_path / "table" / "train-00000-of-00001.parquet")
    config = DataConfig(
        dataset=str(tmp_path / "table"),
        audio_column="sound",
        speaker_column="who",
        streaming=streaming,
    )
    entries = list(stream_entries(config, "train"))
    assert [entry.speaker for entry in entries] == ["7", "8"]
    assert entries[1].path == Path(f"{config.dataset}[1]")
    assert load_corpus(entries, 16_000, lambda done: None).lengths.tolist() == [1600, 1600]
    gc.collect()


@pytest.mark.filterwarnings("ignore")
def test_a_split_that_is_not_there_is_one_line(dataset: Path) -> None:
    pytest.importorskip("datasets")
    config = DataConfig(dataset=str(dataset))
    with pytest.raises(NoData, match="no split 'dev' of dataset") as caught:
        list(stream_entries(config, "dev"))
    assert "\n" not in str(caught.value)
    gc.collect()


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def importing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "datasets":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(MissingExtra, match=r"audiocodec\[scale\]"):
        next(stream_entries(DataConfig(dataset="x"), "train"))
