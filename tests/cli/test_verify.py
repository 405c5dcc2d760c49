"""`codec verify`: what is whole, what is not and where."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
GOLDEN = Path(__file__).parents[1] / "golden" / "bitstream"


@pytest.fixture
def archive(place: Path) -> Path:
    """A folder with a whole file, a damaged one, and one that is no such file."""
    Path("archive/deep").mkdir(parents=True)
    shutil.copy(GOLDEN / "mono.codes", "archive/good.codes")
    shutil.copy(GOLDEN / "stereo.codes", "archive/deep/bad.codes")
    Path("archive/deep/none.codes").write_bytes(b"RIFF" * 10)
    Path("archive/notes.txt").touch()
    return Path("archive")


def test_a_whole_file(codec: Run, archive: Path) -> None:
    done = codec("verify", "archive/good.codes")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("archive/good.codes: OK, ") and done.stdout.count("\n") == 1
    quiet = codec("verify", "archive/good.codes", "-q")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    piped = codec("verify", "-", input=Path("archive/good.codes").read_bytes())
    assert piped.stdout == done.stdout.replace("archive/good.codes", "standard input")


def test_a_folder(codec: Run, archive: Path) -> None:
    done = codec("verify", "archive")
    assert done.exit_code == 1
    assert done.stderr == "codec: 2 of 3 files are not whole\n"
    lines = done.stdout.splitlines()
    assert lines[0].startswith("archive/deep/bad.codes: DAMAGED in 1 place, 0.")
    assert lines[1].startswith("  0.") and " s: " in lines[1]
    assert lines[2].startswith("archive/deep/none.codes: NOT READABLE: this is not a .codes file")
    assert lines[3].startswith("archive/good.codes: OK, ")
    assert codec("verify", "archive", "-q").stdout.splitlines() == lines[:3]


def test_json(codec: Run, archive: Path) -> None:
    done = codec("verify", "archive", "missing.codes", "--json")
    assert done.exit_code == 1
    bad, none, good, missing = map(json.loads, done.stdout.splitlines())
    assert (good["ok"], good["problems"], good["has_trailer"]) == (True, [], True)
    assert good["duration_s"] > 0 and good["levels"] >= 1
    assert (bad["ok"], bad["name"]) == (False, "archive/deep/bad.codes")
    (problem,) = bad["problems"]
    assert 0 <= problem["start_s"] < problem["end_s"] <= bad["duration_s"] + 0.1
    assert not none["ok"] and "not a .codes file" in none["problems"][0]["reason"]
    assert not missing["ok"] and "there is no such file" in missing["error"]


def test_without_its_end(codec: Run, place: Path) -> None:
    data = (GOLDEN / "mono.codes").read_bytes()
    Path("live.codes").write_bytes(data[: data.rindex(b"\xd5T")])
    done = codec("verify", "live.codes")
    assert done.exit_code == 1
    assert "live.codes: " in done.stdout and "OK" not in done.stdout


def test_many_problems_are_counted(codec: Run, place: Path) -> None:
    import numpy as np

    from audiocodec.bitstream import Header, Writer

    header = Header(
        sample_rate_hz=8000, hop_samples=80, codebook_sizes=(1024,), source_sample_rate_hz=8000
    )
    with open("torn.codes", "wb") as file:
        writer = Writer(file, header)
        for _ in range(30):
            writer.write(np.zeros((1, 1, 10), np.int32))
            writer.skip(10)
        writer.finish()
    done = codec("verify", "torn.codes")
    assert done.stdout.startswith("torn.codes: DAMAGED in 30 places, 3 s lost\n  0.10 to 0.20 s: ")
    assert done.stdout.endswith("  and 10 more places\n") and done.stdout.count("\n") == 22


def test_a_folder_without_codes(codec: Run, place: Path) -> None:
    Path("empty").mkdir()
    done = codec("verify", "empty")
    assert done.exit_code == 1 and "no .codes files in empty" in done.stderr
