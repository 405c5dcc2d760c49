"""Which files belong to a split: folders, manifests, and what is wrong with them."""

from pathlib import Path

import pytest
from audiocodec.training.config import DataConfig
from audiocodec.training.data.manifest import NoData, list_entries


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(config: DataConfig, split: str) -> list[str]:
    return [entry.path.relative_to(config.root).as_posix() for entry in list_entries(config, split)]


def test_splits_are_folders_and_categories_their_subfolders(tmp_path: Path) -> None:
    touch(tmp_path, "train/music/b.FLAC", "train/speech/a.wav", "train/speech/a.txt", "dev/c.ogg")
    config = DataConfig(root=str(tmp_path))
    assert names(config, "train") == ["train/music/b.FLAC", "train/speech/a.wav"]
    assert [entry.category for entry in list_entries(config, "train")] == ["music", "speech"]
    assert names(config, "dev") == ["dev/c.ogg"]


def test_splits_of_libritts_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "train-clean-100/1/2/a.wav", "dev-clean/3/4/b.wav")
    config = DataConfig(root=str(tmp_path), train_split="train-clean-100")
    assert names(config, "train-clean-100") == ["train-clean-100/1/2/a.wav"]
    with pytest.raises(NoData, match="no sound files of split 'train-clean-10'"):
        list_entries(config, "train-clean-10")


def test_an_undivided_folder_is_all_training_and_never_validates_itself(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "deep/a.mp3")
    config = DataConfig(root=str(tmp_path))
    assert names(config, "train") == ["b.wav", "deep/a.mp3"]
    with pytest.raises(NoData, match="no sound files of split 'dev'"):
        list_entries(config, "dev")


def test_the_validation_folder_is_kept_out_of_training(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "dev/a.wav")
    config = DataConfig(root=str(tmp_path))
    assert names(config, "train") == ["b.wav"] and names(config, "dev") == ["dev/a.wav"]


def test_a_manifest_gives_split_category_and_bandwidth(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "path,split,category,bandwidth_hz\nb.wav,train,music,20000\na.wav,train,speech,\n"
        "c.wav,dev,speech,8000\n"
    )
    entries = list_entries(DataConfig(root=str(tmp_path), manifest="list.csv"), "train")
    assert [(e.path.name, e.category, e.bandwidth_hz) for e in entries] == [
        ("a.wav", "speech", float("inf")),
        ("b.wav", "music", 20_000.0),
    ]


def test_a_manifest_needs_no_more_than_names(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("file_name,text\na.wav,hello\nb.wav,world\n")
    config = DataConfig(root=str(tmp_path), manifest="metadata.csv")
    assert names(config, "train") == names(config, "dev") == ["a.wav", "b.wav"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a column path"),
        ("file,split\na.wav,train\n", "a column path"),
        ("path,split\n,train\n", "list.csv line 2: the path is empty"),
        ("path,bandwidth_hz\na.wav,1\nb.wav,wide\n", "line 3: bandwidth_hz is 'wide', no number"),
        ("path,split\na.wav,test\n", "no sound files of split 'train'"),
    ],
)
def test_a_wrong_manifest_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(NoData, match=message):
        list_entries(DataConfig(root=str(tmp_path), manifest="list.csv"), "train")


def test_missing_places_say_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(NoData, match="no data folder '': set data.root=FOLDER"):
        list_entries(DataConfig(), "train")
    with pytest.raises(NoData, match="cannot be read as a CSV manifest"):
        list_entries(DataConfig(root=str(tmp_path), manifest="none.csv"), "train")
