"""Means, intervals and what is written."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audiocodec.evaluate.clips import Clip
from audiocodec.evaluate.plan import Failure
from audiocodec.evaluate.report import Report, clips_csv, markdown, means_csv, write_report
from audiocodec.evaluate.results import Result, pack_counts
from audiocodec.evaluate.summary import bootstrap, summarise, usage


def clip(name: str, category: str = "speech", *groups: str) -> Clip:
    return Clip(Path(name), name, category, (category, *groups))


def result(name: str, stoi: float | None, **changes: object) -> Result:
    measures = {} if stoi is None else {"stoi": stoi}
    plain = Result(
        key=name,
        clip=name,
        system="codec",
        label="2 kbps",
        kbps=2.0,
        seconds=2.0,
        payload_bytes=500,
        file_bytes=600,
        verdict="ok",
        message="",
        asked=("stoi",),
        measures=measures,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


CLIPS = [clip("a", "speech", "speech, wide"), clip("b"), clip("c", "music", "music, wide")]
RESULTS = (result("a", 0.5), result("b", 0.7), result("c", None, verdict="silent", message="hm"))


def report(**changes: object) -> Report:
    plain = Report(
        title="A try",
        command="codec eval x",
        seconds=2.0,
        models=("codec: weights 1234",),
        clips=CLIPS,
        results=RESULTS,
        failures=(Failure("d", "opus", "no program"),),
        left_out={"pesq_wb": "PESQ-WB is left out: pesq is not installed"},
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_the_interval_holds_the_mean_and_leaves_nan_out() -> None:
    values = list(np.random.default_rng(0).normal(5, 2, size=400))
    found = bootstrap([*values, float("nan")])
    assert found.clips == 400
    assert found.mean == pytest.approx(np.mean(values))
    half = 1.96 * np.std(values) / 20  # the normal approximation of the same interval
    assert found.high - found.mean == pytest.approx(half, rel=0.15)
    assert found.mean - found.low == pytest.approx(half, rel=0.15)
    assert bootstrap([float("nan")]).clips == 0


def test_rows_are_by_group_and_leave_out_what_does_not_count() -> None:
    rows = summarise([*CLIPS, replace(clip("e"), counts=False)], [*RESULTS, result("e", 0.0)])
    # All music is wide, so that the part would only repeat the whole.
    assert [(row.group, row.clips) for row in rows] == [
        ("speech", 2),
        ("speech, wide", 1),
        ("music", 1),
    ]
    assert rows[0].measures["stoi"].mean == pytest.approx(0.6)
    assert (rows[0].payload_kbps, rows[0].file_kbps) == (2.0, 2.4)
    assert rows[2].measures == {}


def test_rates_are_unknown_where_one_is() -> None:
    rows = summarise(CLIPS, [result("a", 0.5), result("b", 0.5, payload_bytes=None)])
    assert rows[0].payload_kbps is None


def test_use_of_codebooks_is_added_up() -> None:
    even = np.arange(16, dtype=np.int32).reshape(1, 1, 16)
    one = np.zeros((1, 1, 16), np.int32)
    packed = [pack_counts(indices, (16,)) for indices in (even, one)]
    (level,) = usage([result("a", 0.5, usage=packed[0])])
    assert level.diversity == pytest.approx(1)
    assert (level.used, level.codes) == (1.0, 16)
    (both,) = usage([result("a", 0.5, usage=text) for text in packed])
    assert both.codes == 32 and 0 < both.diversity < 1
    assert usage(RESULTS) == []


def test_files_hold_the_same_numbers(tmp_path: Path) -> None:
    write_report(report(), tmp_path)
    table = json.loads((tmp_path / "evaluation.json").read_text())
    assert table["means"][0]["measures"]["stoi"]["mean"] == pytest.approx(0.6)
    assert [row["clip"] for row in table["clips"]] == ["a", "b", "c"]
    lines = list(csv.DictReader(io.StringIO((tmp_path / "clips.csv").read_text())))
    assert [(row["clip"], row["category"], row["stoi"]) for row in lines] == [
        ("a", "speech", "0.5"),
        ("b", "speech", "0.7"),
        ("c", "music", ""),
    ]
    means = list(csv.DictReader(io.StringIO((tmp_path / "means.csv").read_text())))
    assert means[0]["group"] == "speech" and float(means[0]["mean"]) == pytest.approx(0.6)
    assert (tmp_path / "evaluation.md").read_text() == markdown(report())


def test_markdown_says_everything_that_has_to_be_known() -> None:
    text = markdown(report())
    assert "## speech (2 clips)" in text
    assert "| codec 2 kbps | 2.00 | 0.600 [0.500, 0.700] |" in text
    assert "c, codec 2 kbps: silent: hm; not measured" in text
    assert "d, opus: no program" in text
    assert "PESQ-WB is left out: pesq is not installed" in text
    assert "codec eval x" in text and "weights 1234" in text


def test_a_nan_never_reaches_a_file(tmp_path: Path) -> None:
    broken = report(results=(result("a", float("nan")), result("b", float("inf"))))
    write_report(broken, tmp_path)
    json.loads((tmp_path / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert "nan" not in means_csv(broken.rows)
    assert clips_csv(broken).count("\n") == 3
