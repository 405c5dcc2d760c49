"""The second independent reader finds in entropy coded golden files what is in them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "entropy_coding" / "read_entropy_coded.py"
GOLDEN = ROOT / "tests" / "golden" / "bitstream"


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *map(str, words)], capture_output=True, text=True
    )


@pytest.mark.parametrize("kind", ["static", "context"])
def test_golden_files(kind: str, tmp_path: Path) -> None:
    done = run(GOLDEN / f"coded_{kind}.codes", GOLDEN / f"{kind}.safetensors", tmp_path / "o.npy")
    assert done.returncode == 0, done.stderr
    packets = json.loads((GOLDEN / "expected.json").read_text())[f"coded_{kind}"]["packets"]
    expected = np.concatenate([np.array(p["indices"])[:, :5] for p in packets], axis=2)
    assert np.array_equal(np.load(tmp_path / "o.npy"), expected)
    assert done.stdout.splitlines()[2] == "9 frames of 5 levels"


def test_other_tables_are_refused_and_nothing_is_shared_with_the_package() -> None:
    done = run(GOLDEN / "coded_static.codes", GOLDEN / "context.safetensors")
    assert done.returncode == 1 and done.stderr.startswith("needs the tables ")
    assert "import audiocodec" not in EXAMPLE.read_text()
    assert "from audiocodec" not in EXAMPLE.read_text()
