"""`codec info`, of files and of models."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audiocodec.bitstream import Header, Writer

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "bitstream"

WriteSound = Callable[..., Path]
Run = Callable[..., Any]


def test_a_file(codec: Run, write_sound: WriteSound) -> None:
    write_sound("in.wav", 8820, channels=2, sample_rate_hz=44100)
    assert codec("encode", "in.wav", "-n", "2").exit_code == 0
    done = codec("info", "in.codes")
    assert (done.exit_code, done.stderr) == (0, "")
    size = Path("in.codes").stat().st_size
    lines = done.stdout.splitlines()
    assert lines[0] == "in.codes: .codes version 1, complete"
    assert lines[1].startswith("  model     tiny, weights ")
    assert lines[2:5] == [
        "  sound     0.2 s, 44100 Hz, 2 channels, 8820 samples",
        "  levels    2 of 3, 16 entries each",
        "  grid      8000 Hz, hop 16 samples, 500 frames a second, 100 frames",
    ]
    real = f"{size * 8 / 0.2 / 1000:.4g} kbps with headers and checksums"
    assert lines[5] == f"  bit rate  8 kbps nominal (4 kbps a channel), {real}"
    assert lines[6] == f"  file      {size} bytes in 1 chunk, with trailer"


def test_a_file_as_json(codec: Run, write_sound: WriteSound) -> None:
    write_sound("in.wav", 8000)
    assert codec("encode", "in.wav").exit_code == 0
    facts = json.loads(codec("info", "in.codes", "--json").stdout)
    size = Path("in.codes").stat().st_size
    assert facts["complete"] is True and facts["gaps"] == []
    assert facts["source"] == {
        "duration_s": 1.0,
        "sample_rate_hz": 8000,
        "channels": 1,
        "samples": 8000,
    }
    assert (facts["levels"], facts["frames"], facts["file_bytes"]) == (3, 500, size)
    assert (facts["nominal_bitrate_bps"], facts["real_bitrate_bps"]) == (6000, 8 * size)
    assert len(facts["model"]["weights_sha256"]) == 64


def test_a_file_on_standard_input(codec: Run) -> None:
    done = codec("info", "-", input=(GOLDEN / "mono.codes").read_bytes())
    assert done.stdout.startswith("standard input: .codes version 1, complete\n")


def test_no_sound_at_all(codec: Run) -> None:
    done = codec("info", str(GOLDEN / "empty.codes"))
    assert done.exit_code == 0 and "0 kbps nominal\n" in done.stdout
    facts = json.loads(codec("info", str(GOLDEN / "empty.codes"), "--json").stdout)
    assert facts["real_bitrate_bps"] is None


def test_damaged_and_cut_off(codec: Run, place: Path) -> None:
    data = (GOLDEN / "mono.codes").read_bytes()
    Path("cut.codes").write_bytes(data[:130])
    done = codec("info", "cut.codes")
    assert done.exit_code == 0
    assert done.stdout.startswith("cut.codes: .codes version 1, no trailer (live, or cut off)")
    assert "without trailer" in done.stdout
    shutil.copy(GOLDEN / "stereo.codes", "damaged.codes")
    done = codec("info", "damaged.codes")
    assert "damaged in 1 place, 5 frames lost\n  damage    frame 35, 5 frames lost" in done.stdout
    facts = json.loads(codec("info", "damaged.codes", "--json").stdout)
    assert facts["complete"] is False and facts["gaps"][0]["first_frame"] == 35


def test_metadata_cannot_steer_the_terminal(codec: Run, place: Path) -> None:
    header = Header(
        sample_rate_hz=8000,
        hop_samples=16,
        codebook_sizes=(16,),
        source_sample_rate_hz=8000,
        metadata=(("title", "two\nlines \u202eesrever"),),
    )
    with open("in.codes", "wb") as file:
        Writer(file, header).finish()
    assert "  title     two\\nlines \\u202eesrever\n" in codec("info", "in.codes").stdout


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nosuch.codes", "No such file"),
        ("nosuch", "neither a folder nor a Hub name"),
        ("folder", "config.json"),
        ("in.wav", "in.wav: "),
        ("zero.codes", "zero.codes: "),
    ],
)
def test_refused(codec: Run, write_sound: WriteSound, name: str, why: str) -> None:
    write_sound("in.wav")
    Path("folder").mkdir()
    Path("zero.codes").touch()
    done = codec("info", name)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("codec: ") and why in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_model(codec: Run, model_folder: Path) -> None:
    done = codec("info", str(model_folder))
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("tiny: soundstream, weights ")
    assert "  frames      500 a second, hop 16 samples" in lines
    assert "  latency     16 samples, 2 ms" in lines
    assert lines[-1].split() == ["1", "2", "kbps", "2", "4", "kbps", "3", "6", "kbps"]


def test_a_model_as_json(codec: Run, model_folder: Path, place: Path) -> None:
    made = place / "made"
    shutil.copytree(model_folder, made)
    config = json.loads((made / "config.json").read_text())
    config["made"] = {"recipe": "tiny", "steps": 7}
    (made / "config.json").write_text(json.dumps(config))
    facts = json.loads(codec("info", str(made), "--json").stdout)
    assert facts["made"] == {"recipe": "tiny", "steps": 7}
    assert facts["bitrates_bps"] == [2000, 4000, 6000]
    assert facts["weights_bytes"] == (made / "model.safetensors").stat().st_size
    assert facts["parameters"]["quantizer"] == 3 * 16 * 4
    assert "  steps       7\n" in codec("info", str(made)).stdout


def test_a_file_needs_no_torch() -> None:
    program = (
        "import sys\n"
        "from audiocodec.cli.app import app\n"
        f"app(['info', {str(GOLDEN / 'mono.codes')!r}], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "complete" in done.stdout


def test_how_a_file_is_coded_and_what_that_saves(codec: Run) -> None:
    name = GOLDEN / "coded_static.codes"
    lines = codec("info", str(name)).stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("  coding"))
    assert line.startswith("  coding    entropy coded in 3 of 4 chunks (tables ")
    facts = json.loads(codec("info", str(name), "--json").stdout)["entropy_coding"]
    # Layers: 41 + 18, 37 + 40, 17 + 5 bytes, and a packed chunk.
    assert facts["bytes"] == 59 + 77 + 22 + 36 and facts["chunks"] == 3
    assert facts["packed_bytes"] == 120 + 120 + 45 + 36
    assert line.endswith(
        f", {1 - facts['bytes'] / facts['packed_bytes']:.1%} smaller than packed bits"
    )
