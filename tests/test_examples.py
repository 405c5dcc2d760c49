"""Every example runs, in a process of its own, without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
EMBEDDED = ROOT / "audiocodec" / "pretrained" / "model.safetensors"


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.skipif(not EMBEDDED.exists(), reason="the embedded weights are not made yet")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "audio" / "demo.wav", tmp_path / "in.wav")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example), "in.wav"],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip(), "an example says what it did"
