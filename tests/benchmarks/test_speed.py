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
