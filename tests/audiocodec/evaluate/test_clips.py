"""Clips come from manifests or folders, and from the middle of files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiocodec.errors import UnsupportedAudio
from audiocodec.evaluate.clips import list_clips, read_sound, spread


def test_a_manifest_chooses_and_sorts(corpus: Path) -> None:
    clips = list_clips(corpus, "dev")
    assert [(clip.name, clip.category) for clip in clips] == [
        ("sub/0.wav", "speech"),
        ("sub/1.wav", "speech"),
        ("sub/2.wav", "speech"),
        ("sub/3.wav", "music"),
    ]
    assert clips[0].groups == ("speech", "speech, band-limited")
    assert clips[1].groups == ("speech", "speech, full-band")
    assert len(list_clips(corpus)) == 5
    assert [clip.name for clip in spread(clips, 2)] == ["sub/0.wav", "sub/2.wav", "sub/3.wav"]
    assert spread(clips, 0) == [] and spread(clips, None) == clips


def test_another_manifest(corpus: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("path\nsub/2.wav\n")
    (clip,) = list_clips(corpus, manifest=table)
    assert (clip.path, clip.category, clip.groups) == (corpus / "sub/2.wav", "all", ("all",))


def test_without_one_all_files_count(corpus: Path) -> None:
    (corpus / "manifest.csv").unlink()
    assert [clip.name for clip in list_clips(corpus)] == [f"sub/{i}.wav" for i in range(5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\n0.wav\n", "column named path"),
        ("path,bandwidth_hz\n0.wav,wide\n", "bandwidth_hz of 0.wav is no number: 'wide'"),
        ("path,split\n0.wav,train\n", "no sound files of split 'dev'"),
    ],
)
def test_bad_manifests_are_refused(corpus: Path, text: str, message: str) -> None:
    (corpus / "manifest.csv").write_text(text)
    with pytest.raises(UnsupportedAudio, match=message):
        list_clips(corpus, "dev")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedAudio, match="no such folder"):
        list_clips(tmp_path / "none")
    with pytest.raises(UnsupportedAudio, match="cannot read"):
        list_clips(tmp_path, manifest=tmp_path / "none.csv")


def test_sounds_are_from_the_middle_and_mono(tmp_path: Path) -> None:
    left, right = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 8000))
    soundfile.write(tmp_path / "x.wav", np.stack([left, right], 1), 8000, subtype="FLOAT")
    whole, part = read_sound(tmp_path / "x.wav"), read_sound(tmp_path / "x.wav", 0.25)
    np.testing.assert_allclose(whole.wav, (left + right) / 2, atol=1e-6)
    np.testing.assert_array_equal(part.wav, whole.wav[3000:5000])
    assert part.digest != whole.digest == read_sound(tmp_path / "x.wav", 9).digest
