"""A folder with everything that folders have: the good is read, the rest is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audiocodec.training.data.corpus import load_corpus, remarks
from audiocodec.training.data.manifest import Entry, NoData


def entry(path: Path) -> Entry:
    return Entry(path, "", float("inf"))


def quiet(done: int) -> None:
    pass


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
    seen: list[int] = []
    corpus = load_corpus(entries, 8000, seen.append)
    assert [e.path.stem for e in corpus.entries] == ["good", "short", "silent"]
    assert corpus.lengths.tolist() == [4000, 8, 100] and corpus.total_samples == 4108
    assert corpus.starts.tolist() == [0, 4000, 4008]
    assert len(corpus.unreadable) == 4
    for name, reason in zip(
        ("missing", "empty", "mislabelled", "truncated"), corpus.unreadable, strict=True
    ):
        assert name in reason and "\n" not in reason
    assert seen == list(range(1, 8))
    assert remarks(corpus, 4000) == [
        f"2 of 3 files shorter than a segment, followed by silence, as {tmp_path / 'short.wav'}",
        f"1 of 3 files silent, as {tmp_path / 'silent.wav'}",
    ]


def test_files_are_resampled_mixed_down_and_clipped(tmp_path: Path) -> None:
    stereo = np.stack([tone(1, 16_000), np.zeros(16_000)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 16_000)
    soundfile.write(tmp_path / "loud.wav", 4 * tone(1, 8000), 8000, subtype="FLOAT")
    entries = [entry(tmp_path / "stereo.wav"), entry(tmp_path / "loud.wav")]
    corpus = load_corpus(entries, 8000, quiet)
    assert corpus.lengths.tolist() == [8000, 8000]
    assert remarks(corpus, 10) == [
        f"1 of 2 files clipped, as {tmp_path / 'loud.wav'}",
        "1 files resampled to 8000 Hz",
    ]
    half = corpus.wav(0).numpy()
    np.testing.assert_allclose(half[100:-100], tone(1, 8000)[100:-100] / 2, atol=2e-3)
    loud = corpus.wav(1)
    assert loud.min() == -1 and loud.max() == 32767 / 32768


def test_nothing_readable_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(NoData, match="none of 1 files could be read; the first: .*a.wav"):
        load_corpus([entry(tmp_path / "a.wav")], 8000, quiet)


def test_no_more_is_read_than_asked_for(tmp_path: Path) -> None:
    for i in range(4):
        soundfile.write(tmp_path / f"{i}.wav", tone(1, 8000), 8000)
    entries = [entry(tmp_path / f"{i}.wav") for i in range(4)]
    corpus = load_corpus(iter(entries), 8000, quiet, max_hours=1.5 / 3600)
    assert [e.path.stem for e in corpus.entries] == ["0", "1"]


def test_files_that_are_only_bytes_are_read_and_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tone(1, 8000), 8000)
    held = replace(entry(Path("user/set[0]")), sound=(tmp_path / "a.flac").read_bytes())
    broken = replace(held, path=Path("user/set[1]"), sound=b"no sound")
    corpus = load_corpus([held, broken], 8000, quiet)
    assert corpus.total_samples == 8000 and corpus.entries[0].sound is None
    assert len(corpus.unreadable) == 1 and corpus.unreadable[0].startswith("user/set[1]: ")
