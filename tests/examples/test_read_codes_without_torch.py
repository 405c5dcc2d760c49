"""The independent reader finds in the golden files what is in them."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "read_codes_without_torch.py"
GOLDEN = ROOT / "tests" / "golden" / "bitstream"
EXPECTED: dict[str, dict[str, Any]] = json.loads((GOLDEN / "expected.json").read_text())


def chunks_of(data: bytes) -> list[dict[str, Any]]:
    read_chunks = runpy.run_path(str(EXAMPLE))["read_chunks"]
    return [{"first_frame": f, "indices": codes.tolist()} for f, codes in read_chunks(data)]


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_files(name: str) -> None:
    assert chunks_of((GOLDEN / f"{name}.codes").read_bytes()) == EXPECTED[name]["packets"]


def test_damage_costs_a_chunk() -> None:
    data = bytearray((GOLDEN / "mono.codes").read_bytes())
    expected = EXPECTED["mono"]["packets"]
    data[120] ^= 4
    assert chunks_of(bytes(data)) == [expected[0], expected[2]]


def test_newer_files_are_refused() -> None:
    with pytest.raises(SystemExit, match="needs mid-side time-travel"):
        chunks_of((GOLDEN / "newer.codes").read_bytes())


def test_it_is_small_and_independent(tmp_path: Path) -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 100
    assert "import audiocodec" not in EXAMPLE.read_text()
    # -I: neither the working folder nor the environment can lend it a module.
    command = [sys.executable, "-I", str(EXAMPLE), str(GOLDEN / "mono.codes"), str(tmp_path / "o")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [
        "frames 0 to 3: 3 levels",
        "frames 4 to 7: 3 levels",
        "frames 8 to 9: 3 levels",
    ]
    assert np.load(tmp_path / "o.npy").shape == (1, 3, 10)
