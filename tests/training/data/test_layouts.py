"""LibriTTS and VCTK as they are unpacked: splits, speakers, and one microphone."""

from pathlib import Path

import pytest
from audiocodec.training.config import DataConfig
from audiocodec.training.data.manifest import list_entries


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_libritts_has_speakers_above_chapters(tmp_path: Path) -> None:
    touch(tmp_path, "train-clean-100/19/198/19_198_0.wav", "train-clean-100/26/495/26_495_1.wav")
    touch(tmp_path, "dev-clean/84/121/84_121_0.wav", "train-clean-100/19/198/19_198.trans.tsv")
    config = DataConfig(
        root=str(tmp_path),
        layout="libritts",
        train_split="train-clean-100",
        validation_split="dev-clean",
    )
    train = list_entries(config, "train-clean-100")
    assert [(e.path.stem, e.speaker) for e in train] == [("19_198_0", "19"), ("26_495_1", "26")]
    assert {e.category for e in train} == {"speech"}
    assert [e.speaker for e in list_entries(config, "dev-clean")] == ["84"]


@pytest.mark.parametrize(("speakers", "held"), [(3, {"p003"}), (41, {"p020", "p040"})])
def test_vctk_holds_speakers_out_and_takes_one_microphone(
    tmp_path: Path, speakers: int, held: set[str]
) -> None:
    for i in range(1, speakers + 1):
        folder = f"wav48_silence_trimmed/p{i:03d}/p{i:03d}_001"
        touch(tmp_path, f"{folder}_mic1.flac", f"{folder}_mic2.flac")
    config = DataConfig(root=str(tmp_path), layout="vctk")
    train, dev = (list_entries(config, split) for split in ("train", "dev"))
    assert {e.speaker for e in dev} == held
    assert len(train) + len(dev) == speakers
    assert not {e.speaker for e in train} & held
    assert all(e.path.stem.endswith("_mic1") for e in train + dev)
