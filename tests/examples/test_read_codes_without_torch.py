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


@pytest.mark.parametrize("name", [name for name in EXPECTED if not name.startswith("coded")])
def test_golden_files(name: str) -> None:
    expected = EXPECTED[name]["packets"]
    for packet in expected:
        packet.pop("scales", None)
    assert chunks_of((GOLDEN / f"{name}.codes").read_bytes()) == expected


def test_a_damaged_layer_costs_itself() -> None:
    data = bytearray((GOLDEN / "stereo.codes").read_bytes())
    expected = EXPECTED["stereo"]["packets"]
    data[data.index(b"\xd5C") + 20] ^= 1  # level 6 of the first chunk
    first, *rest = chunks_of(bytes(data))
    assert first["indices"] == [row[:4] for row in expected[0]["indices"]]
    assert rest == expected[1:]


def test_entropy_coding_is_refused_by_name() -> None:
    with pytest.raises(SystemExit, match="needs entropy coding"):
        chunks_of((GOLDEN / "coded_static.codes").read_bytes())


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
