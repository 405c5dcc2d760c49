"""The speed benchmark prints its tables."""

from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from audiocodec.codec import Codec

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "speed.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return run_path(str(SCRIPT))


def test_speeds(script: dict[str, Any], tiny_codec: Codec) -> None:
    rows = script["speed_table"](tiny_codec, levels=[1, 3], seconds=0.5, repeats=1)
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]
    assert [row[:2] for row in cells] == [["1", "2"], ["3", "6"]]
    assert all(float(cell) > 0 for row in cells for cell in row)
    assert all(row.count("|") == 5 for row in rows)


def test_frames(script: dict[str, Any], tiny_codec: Codec) -> None:
    rows = script["frame_table"](tiny_codec, levels=[1, 3], frames=20)
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]
    assert [row[:2] for row in cells] == [["1", "2"], ["3", "2"]]
    assert all(float(cell) >= 0 for row in cells for cell in row)
    assert all(row.count("|") == 7 for row in rows)


def test_a_cold_start_is_measured_beside_torch(
    script: dict[str, Any], tiny_codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(command: list[str]) -> float:
        if "encode" not in command:
            return 2.0
        assert "model" in command and Path(command[4]).stat().st_size > 80_000
        return 3.0

    table = script["cold_table"]
    monkeypatch.setitem(table.__globals__, "cpu_of", pretend)
    rows = table(tiny_codec, "model", repeats=3)
    assert rows[2].endswith("cold start to exit | 3.00 |") and rows[3].endswith("| 2.00 |")
    warm = float(rows[4].split("|")[2])
    assert float(rows[5].split("|")[2]) == pytest.approx((3 - warm) / 2, abs=0.02)


def test_cpu_time_is_the_program_s(script: dict[str, Any]) -> None:
    program = "import time\nwhile time.process_time() < 0.3: pass"
    assert 0.3 <= script["cpu_of"]([script["sys"].executable, "-c", program]) < 3


def test_peak_memory_is_a_fresh_process_s(
    script: dict[str, Any], tiny_codec: Codec, tmp_path: Path
) -> None:
    tiny_codec.save(tmp_path / "model")
    wav, codes = tmp_path / "in.wav", tmp_path / "out.codes"
    script["write_noise"](wav, seconds=2, rate_hz=8000)
    peak = script["peak_of"]("encode", str(tmp_path / "model"), wav, codes)
    assert 20 < peak < 5000
    assert codes.stat().st_size > 1000


def test_memory_is_compared(
    script: dict[str, Any], tiny_codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(way: str, model: str | None, source: Path, target: Path) -> float:
        assert source.exists()
        target.touch()
        seconds = int(source.stem)
        return 100 + seconds if way == "encode" else 2 * seconds

    table = script["memory_table"]
    monkeypatch.setitem(table.__globals__, "SHORT_S", 1)
    monkeypatch.setitem(table.__globals__, "LONG_S", 10)
    monkeypatch.setitem(table.__globals__, "peak_of", pretend)
    assert table(tiny_codec, None)[2:] == [
        "| `encode_file` | 101 | 110 | 1.09 |",
        "| `decode_file` | 2 | 20 | 10.00 |",
    ]
