"""The benchmark of sizes: a table, and others' layouts as they are."""

import io
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
import soundfile

from audiocodec.codec import Codec

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "sizes.py"


def test_a_table_with_a_row_for_each_category_and_number_of_levels(
    tmp_path: Path,
    tiny_codec: Codec,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = run_path(str(SCRIPT))
    for name in ("music", "speech"):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "a.wav", np.zeros(8000), 8000)
    monkeypatch.setattr("audiocodec.load", lambda model: tiny_codec)
    script["main"]([str(tmp_path), "--levels", "1,2", "--seconds", "0.5"])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [(row[0], row[1]) for row in rows] == [
        ("| music", "1"), ("| music", "2"), ("| speech", "1"), ("| speech", "2")
    ]  # fmt: skip
    for row in rows:
        np_save, dac, ecdc, packed, coded = (int(cell) for cell in row[3:8])
        assert np_save > packed and ecdc < dac
        assert coded == packed, "the tiny codec has no tables"


def test_the_layout_of_dac_is_what_its_reader_expects(
    tiny_codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = run_path(str(SCRIPT))
    codes = tiny_codec.encode(np.zeros(4000, np.float32), 8000)
    saved: list[bytes] = []
    keep = np.save

    def save(file: io.BytesIO, array: np.ndarray, **options: bool) -> None:
        keep(file, array, **options)
        saved.append(file.getvalue())

    monkeypatch.setattr(np, "save", save)
    assert script["dac"](codes) == len(saved[0])
    contents = np.load(io.BytesIO(saved[0]), allow_pickle=True)[()]
    assert contents["codes"].dtype == np.uint16 and contents["metadata"]["dac_version"] == "1.0.0"
