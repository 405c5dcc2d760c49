"""A run measures everything once, goes on where it stopped, and survives what is broken."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiocodec.errors import AudioCodecError
from audiocodec.evaluate.clips import Clip, Sound, list_clips
from audiocodec.evaluate.plan import Options, audio_file
from audiocodec.evaluate.results import RESULTS, pack_counts, read_results, unpack_counts
from audiocodec.evaluate.run import Progress, run
from audiocodec.evaluate.systems import Copy, LowPassSystem, Point, System

OPTIONS = Options(measures=("si_sdr_db", "mel_distance"))


@dataclass(frozen=True)
class Counting:
    """A system that counts its work: the sound with noise, or what it is told."""

    made: list[str] = field(default_factory=list)
    spoil: str = ""
    points: tuple[Point, ...] = (
        Point("noisy", "1 kbps", "noisy:1", 1.0),
        Point("noisy", "2 kbps", "noisy:2", 2.0),
    )

    def copies(self, clip: Clip, sound: Sound, points: tuple[Point, ...]) -> Iterator[Copy]:
        if self.spoil == clip.name:
            raise AudioCodecError("the program crashed")
        for point in points:
            self.made.append(f"{clip.name} {point.label}")
            noise = np.random.default_rng(0).standard_normal(len(sound.wav)).astype(np.float32)
            wav = sound.wav + 0.01 / (point.kbps or 1) ** 2 * noise
            wav = {
                "nan": wav * np.float32("nan"),
                "short": wav[:-80],
                "late": np.roll(wav, 40),
            }.get(self.spoil, wav)
            yield Copy(point, wav, payload_bytes=100, file_bytes=150)


def test_every_clip_meets_every_point(corpus: Path, tmp_path: Path) -> None:
    clips = list_clips(corpus, "dev")
    seen: list[Progress] = []
    systems: list[System] = [Counting(), LowPassSystem((1000,))]
    done = run(clips, systems, tmp_path / "out", OPTIONS, seen.append)
    names = [(result.clip, result.point) for result in done.results]
    points = ["noisy 1 kbps", "noisy 2 kbps", "low-pass 1 kHz"]
    assert names == [(clip.name, point) for clip in clips for point in points]
    assert not done.failures and done.kept == 0
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 12, 12)
    first, second = done.results[:2]
    assert first.measures["si_sdr_db"] < second.measures["si_sdr_db"]
    assert first.measures["mel_distance"] > second.measures["mel_distance"]
    assert (first.payload_bytes, first.file_bytes, first.verdict) == (100, 150, "ok")


def test_a_run_goes_on_where_it_stopped(corpus: Path, tmp_path: Path) -> None:
    clips, folder = list_clips(corpus, "dev"), tmp_path / "out"
    system = Counting()

    def interrupt(progress: Progress) -> None:
        if progress.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(clips, [system], folder, OPTIONS, interrupt)
    assert len(system.made) == 4
    with open(folder / RESULTS, "a", encoding="utf-8") as file:
        file.write('{"key": "half a li')  # as a kill leaves it
    done = run(clips, [system], folder, OPTIONS)
    assert (done.kept, len(done.results), len(system.made)) == (4, 8, 8)
    again = run(clips, [system], folder, OPTIONS)
    assert (again.kept, len(system.made)) == (8, 8)
    assert again.results == done.results


def test_what_changed_is_measured_again(corpus: Path, tmp_path: Path) -> None:
    clips, folder = list_clips(corpus, "dev"), tmp_path / "out"
    system = Counting()
    run(clips, [system], folder, OPTIONS)
    soundfile.write(
        corpus / "sub" / "0.wav", np.random.default_rng(5).uniform(-0.1, 0.1, 9000), 8000
    )
    assert run(clips, [system], folder, OPTIONS).kept == 6
    more = Options(measures=(*OPTIONS.measures, "stft_distance"))
    assert run(clips, [system], folder, more).kept == 0
    assert run(clips, [system], folder, OPTIONS).kept == 8  # fewer are a part of them
    assert run(clips, [system], folder, Options(measures=(), seconds=0.5)).kept == 0


@pytest.mark.parametrize(
    ("spoil", "verdict", "message", "measured"),
    [
        ("nan", "not finite", "the copy has NaN or infinity, first at 0.000 s", False),
        ("short", "shorter", "80 samples shorter", True),
        ("late", "misaligned", "40 samples (5.0 ms) late", True),
    ],
)
def test_bad_copies_have_a_verdict(
    corpus: Path, tmp_path: Path, spoil: str, verdict: str, message: str, measured: bool
) -> None:
    clip = list_clips(corpus, "dev")[0]
    result = run([clip], [Counting(spoil=spoil)], tmp_path / "out", OPTIONS).results[0]
    assert (result.verdict, result.message, bool(result.measures)) == (verdict, message, measured)


def test_align_puts_copies_back_on_time(corpus: Path, tmp_path: Path) -> None:
    clip = list_clips(corpus, "dev")[0]
    late = [
        run([clip], [Counting(spoil="late")], tmp_path / f"{align}", options).results[1]
        for align in (False, True)
        for options in [Options(measures=("si_sdr_db",), align=align)]
    ]
    assert late[0].measures["si_sdr_db"] < 0 < 10 < late[1].measures["si_sdr_db"]
    assert late[1].verdict == "misaligned"


def test_failures_are_told_and_do_not_stop_others(corpus: Path, tmp_path: Path) -> None:
    clips = list_clips(corpus, "dev")
    (corpus / "sub" / "1.wav").write_bytes(b"RIFF no sound")
    done = run(
        clips, [Counting(spoil="sub/0.wav"), LowPassSystem((1000,))], tmp_path / "o", OPTIONS
    )
    assert [(f.clip, f.system) for f in done.failures] == [
        ("sub/1.wav", ""),
        ("sub/0.wav", "noisy"),
    ]
    assert done.failures[1].message == "the program crashed"
    assert len(done.results) == 2 * 3 + 1


def test_sounds_to_listen_to_are_kept(corpus: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    clip = replace(list_clips(corpus, "dev")[0], listen=True)
    system, folder = Counting(), tmp_path / "out"
    run([clip], [system], folder, OPTIONS)
    place = audio_file(folder, clip, "noisy 1 kbps")
    assert place == folder / "audio" / "sub-0" / "noisy-1-kbps.flac"
    reference, _ = soundfile.read(audio_file(folder, clip, "reference"))
    copy, rate = soundfile.read(place)
    assert rate == 8000 and copy.shape == reference.shape and np.abs(copy - reference).max() > 0.01
    place.unlink()
    assert run([clip], [system], folder, OPTIONS).kept == 1  # only what is missing is made again
    assert place.exists()


def test_measures_are_left_out_where_they_say_nothing(corpus: Path, tmp_path: Path) -> None:
    clips = list_clips(corpus, "dev")
    names = ("pesq_wb", "visqol_audio", "si_sdr_db")
    folder = tmp_path / "out"
    asked = {
        suited: [
            r.asked
            for r in run(
                clips, [_Nothing()], folder, Options(measures=names, suited=suited)
            ).results
        ]
        for suited in (True, False)
    }
    assert asked[True] == 3 * [("pesq_wb", "si_sdr_db")] + [("visqol_audio", "si_sdr_db")]
    assert asked[False] == 4 * [names]


class _Nothing(Counting):
    """A silent system, so that nothing is measured."""

    def copies(self, clip: Clip, sound: Sound, points: tuple[Point, ...]) -> Iterator[Copy]:
        yield Copy(self.points[0], np.zeros_like(sound.wav))


def test_two_processes_give_the_same(corpus: Path, tmp_path: Path) -> None:
    clips, systems = list_clips(corpus, "dev"), [LowPassSystem((1000, 2000))]
    seen: list[Progress] = []
    two = Options(measures=("si_sdr_db",), jobs=2)
    pooled = run(clips, systems, tmp_path / "two", two, seen.append)
    alone = run(clips, systems, tmp_path / "one", Options(measures=("si_sdr_db",)))
    assert pooled.results == alone.results and len(pooled.results) == 8
    assert [p.done for p in seen] == [0, 2, 4, 6, 8]


def test_results_of_other_versions_and_rubbish_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / RESULTS
    good = {
        "key": "a", "clip": "x", "system": "s", "label": "l", "kbps": None, "seconds": 1.0,
        "payload_bytes": None, "file_bytes": None, "verdict": "ok", "message": "",
        "asked": ["stoi"], "measures": {"stoi": 0.5}, "usage": "",
    }  # fmt: skip
    lines = [{**good, "version": 1}, {**good, "key": "b", "version": 99}, [1], {"version": 1}]
    path.write_text("\n".join(map(json.dumps, lines)) + "\nrubbish\n")
    found = read_results(path)
    assert list(found) == ["a"] and found["a"].asked == ("stoi",)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(AudioCodecError, match="cannot read"):
        read_results(path)


def test_counts_of_codes_survive_packing() -> None:
    indices = np.random.default_rng(0).integers(0, 16, (2, 3, 50)).astype(np.int32)
    counts = unpack_counts(pack_counts(indices, (16, 16, 16, 16)))
    assert [len(row) for row in counts] == [16, 16, 16]
    assert all(row.sum() == 100 for row in counts)
    assert counts[1][7] == np.count_nonzero(indices[:, 1] == 7)
