"""A folder with everything that folders have: the good is read, the rest is named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from audiocodec.training.data.corpus import load_corpus
from audiocodec.training.data.manifest import Entry, NoData


def entry(path: Path) -> Entry:
    return Entry(path, "", float("inf"))


def tone(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


def test_broken_files_are_named_and_left_out(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "good.wav", tone(0.5, 8000), 8000)
    soundfile.write(tmp_path / "short.wav", tone(0.001, 8000), 8000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(100), 8000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    (tmp_path / "mislabelled.flac").write_text("this is a text\n" * 50)
    whole = (tmp_path / "good.wav").read_bytes()
    (tmp_path / "truncated.wav").write_bytes(whole[: len(whole) // 2])
    order = ["good", "missing", "short", "silent", "empty", "mislabelled", "truncated"]
    suffix = {"mislabelled": ".flac"}
    entries = [entry(tmp_path / (name + suffix.get(name, ".wav"))) for name in order]
    seen: list[tuple[int, int]] = []
    corpus = load_corpus(entries, 8000, lambda done, total: seen.append((done, total)))
    assert [e.path.stem for e in corpus.entries] == ["good", "short", "silent"]
    assert corpus.lengths.tolist() == [4000, 8, 100] and corpus.total_samples == 4108
    assert corpus.starts.tolist() == [0, 4000, 4008]
    assert len(corpus.unreadable) == 4
    for name, reason in zip(
        ("missing", "empty", "mislabelled", "truncated"), corpus.unreadable, strict=True
    ):
        assert name in reason and "\n" not in reason
    assert seen == [(i, 7) for i in range(1, 8)]


def test_files_are_resampled_mixed_down_and_clipped(tmp_path: Path) -> None:
    stereo = np.stack([tone(1, 16_000), np.zeros(16_000)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 16_000)
    soundfile.write(tmp_path / "loud.wav", 4 * tone(1, 8000), 8000, subtype="FLOAT")
    entries = [entry(tmp_path / "stereo.wav"), entry(tmp_path / "loud.wav")]
    corpus = load_corpus(entries, 8000, lambda done, total: None)
    assert corpus.lengths.tolist() == [8000, 8000]
    half = corpus.wav(0).numpy()
    np.testing.assert_allclose(half[100:-100], tone(1, 8000)[100:-100] / 2, atol=2e-3)
    loud = corpus.wav(1)
    assert loud.min() == -1 and loud.max() == 32767 / 32768


def test_nothing_readable_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(NoData, match="none of 1 files could be read; the first: .*a.wav"):
        load_corpus([entry(tmp_path / "a.wav")], 8000, lambda done, total: None)
