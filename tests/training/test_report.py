"""The report page: what it shows, that it needs nothing from outside, and cut-off logs."""

import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audiocodec.training import __main__ as command
from audiocodec.training.report.chart import Curve, Mark, chart, number
from audiocodec.training.report.history import read_history
from audiocodec.training.report.note import parameters
from audiocodec.training.report.page import write_report
from audiocodec.training.report.sound import png

from audiocodec.errors import AudioCodecError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a run of 40 steps that was killed in the middle of a line."""
    rows: list[dict[str, object]] = [
        {"step": step, "steps_per_s": 2.0, "spectral": 100.0 / step, "diversity": [0.5, 0.9],
         "generator_lr": 1e-4, "discriminator_lr": 2e-4}
        for step in (10, 20, 30, 20, 30, 40)
    ]  # fmt: skip
    rows[3]["spectral"] = None
    rows += [
        {"step": 40, "validation": {"1": {"mel": 0.5}, "2": {"mel": 0.25, "pesq_wb": None}}},
        {"note": "stopped & <resumed>"},
        {"session": {"steps": 40, "steps_per_s": 2.0, "audio_s_per_s": 16.0,
                     "time": {"encoder": 0.25, "backward": 0.75}}},
    ]  # fmt: skip
    text = "\n".join(json.dumps(row) for row in rows) + '\n{"step": 50, "stea'
    (tmp_path / "log.jsonl").write_text(text)
    (tmp_path / "clips").mkdir()
    tone = 0.3 * np.sin(np.arange(4000) / 3)
    for name in ("00_real", "00_step_0000020_levels_2", "00_step_0000040_levels_2"):
        soundfile.write(tmp_path / "clips" / f"{name}.wav", tone, 8000)
    return tmp_path


def test_a_run_is_one_page_without_anything_from_outside(run: Path) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    places = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert places and all(place.startswith(("data:", "#")) for place in places)
    assert "http" not in page and "@import" not in page
    assert page.count("<audio") == 3 and page.count("<img") == 3
    for text in ("Multi-scale spectral loss", "Diversity", "step 20", "PESQ", "stopped &amp; &lt;"):
        assert text in page, text
    assert "encoder 25%" in page and "0.250" in page


def test_steps_made_twice_count_as_the_last_time(run: Path) -> None:
    history = read_history(run)
    assert [row["step"] for row in history.reports] == [10, 20, 30, 40]
    assert history.reports[1]["spectral"] is None and history.steps == 40
    (clip,) = history.clips
    assert sorted(clip.made) == [20, 40] and clip.real.name == "00_real.wav"


def test_a_folder_without_a_log_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(AudioCodecError, match="log.jsonl: cannot be read"):
        write_report(tmp_path)


def test_an_empty_run_is_a_page(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").touch()
    assert "<h1>" in write_report(tmp_path).read_text(encoding="utf-8")


def test_the_command_prints_the_place(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["report", str(run), "-o", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    assert (tmp_path / "page.html").exists()
    assert command.main(["report", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("codec-train: ")


def points(svg: str) -> list[list[float]]:
    (found,) = re.findall(r'<polyline points="([^"]*)"', svg)
    return [[float(x) for x in pair.split(",")] for pair in found.split()]


def test_a_curve_goes_where_its_values_are() -> None:
    svg = chart([Curve("", [0, 50, 100], [0.0, 1.0, 0.5])], steps=100, between=(0.0, 1.0))
    (x0, y0), (x1, y1), (x2, y2) = points(svg)
    assert x0 < x1 < x2 and x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 > y2 > y1 and y2 == pytest.approx((y0 + y1) / 2, abs=0.2)


def test_curves_over_decades_are_logarithmic() -> None:
    svg = chart([Curve("", [1, 2, 3], [100.0, 10.0, 1.0])], steps=3)
    _, a, b, c = [0.0, *(y for _, y in points(svg))]
    assert b - a == pytest.approx(c - b, abs=0.2) and b > a


def test_many_points_are_thinned_to_means_and_broken_ones_left_out() -> None:
    values = [float(i) for i in range(10_000)]
    values[7] = float("nan")
    assert len(points(chart([Curve("", values, values)], steps=10_000))) <= 300
    assert "nothing yet" in chart([Curve("", [1], [float("nan")])], steps=1)
    assert "a&lt;b" in chart([Curve("", [1, 2], [1.0, 1.0])], steps=2, marks=[Mark(1, "a<b")])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (1000, "1k"), (52500, "52.5k"), (1e-5, "1e-5"), (2e6, "2e6")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_png_holds_the_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    data = png(pixels)
    begin = data.index(b"IDAT") + 4
    (size,) = struct.unpack(">I", data[begin - 8 : begin - 4])
    rows = np.frombuffer(zlib.decompress(data[begin : begin + size]), np.uint8).reshape(5, 22)
    assert (rows[:, 0] == 2).all()
    assert (np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(5, 7, 3) == pixels).all()


def test_the_notes_recipe_departs_from_it_nowhere() -> None:
    from dataclasses import asdict

    from audiocodec.training.config import read_recipe

    rows = parameters(asdict(read_recipe("soundstream_24khz")))
    assert len(rows) == 16 and [row.name for row in rows if row.changed] == []
    assert any(row.changed for row in parameters(asdict(read_recipe("embedded_24khz"))))
    assert parameters({}) == []
