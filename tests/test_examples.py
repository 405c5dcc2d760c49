"""Every example runs, in a process of its own, without a network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
EMBEDDED = ROOT / "audiocodec" / "pretrained" / "model.safetensors"
INPUTS = {
    "in.wav": ROOT / "examples" / "audio" / "demo.wav",
    "in.codes": ROOT / "tests" / "golden" / "bitstream" / "mono.codes",
}


def input_of(text: str) -> str:
    """Return the file that an example's docstring says it takes: IN.WAV or in.codes."""
    found = re.search(r"\bin\.(wav|codes)\b", text, flags=re.IGNORECASE)
    assert found, "the docstring names no input, IN.WAV or in.codes"
    return found[0].lower()


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    text = example.read_text(encoding="utf-8")
    if "import audiocodec" in text and not EMBEDDED.exists():
        pytest.skip("the embedded weights are not made yet")
    name = input_of(text)
    if name == "in.wav":  # a part, since some examples take the time that the sound takes
        wav, rate_hz = soundfile.read(INPUTS[name], frames=36_000)
        soundfile.write(tmp_path / name, wav, rate_hz)
    else:
        shutil.copy(INPUTS[name], tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example), name],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip(), "an example says what it did"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 100
