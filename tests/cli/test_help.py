"""Help, version and completion: quick, and without anything heavy."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from audiocodec.cli.app import app
from typer.testing import CliRunner

import audiocodec

HEAVY = {"torch", "numpy", "soundfile", "soxr", "huggingface_hub", "safetensors"}


def python(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env={**os.environ, **env}
    )


COMMANDS = ["encode", "decode", "info", "truncate", "cut", "cat", "verify", "pull", "push"]
COMMANDS += ["eval", "export", "listening-test", "plot", "spectrogram"]


@pytest.mark.parametrize("words", [[], *([command] for command in COMMANDS)])
def test_help_has_examples(words: list[str]) -> None:
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0
    assert "Examples:" in done.stdout
    assert f"codec {' '.join(words)}".strip() in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_the_help_can_be_parsed(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option of an example exists."""
    text = CliRunner().invoke(app, [command, "--help"]).stdout
    examples, _, options = text.partition("Options:")
    lines = [line for line in examples.splitlines() if f"codec {command} " in line]
    assert len(lines) >= 4
    for line in lines:
        words = line.partition(f"codec {command} ")[2].partition("|")[0].split()
        missing = [w for w in words if w.startswith("-") and w != "-" and w not in options]
        assert not missing, line


@pytest.mark.parametrize("words", [["--help"], ["encode", "--help"]])
def test_help_loads_nothing_heavy_and_is_quick(words: list[str]) -> None:
    program = (
        "import sys, time\n"
        "from audiocodec.cli.app import app\n"
        f"app({words!r}, standalone_mode=False)\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)\n"
        "print(time.process_time(), file=sys.stderr)"
    )
    done = python("-c", program)
    heavy, cpu_s = done.stderr.splitlines()
    assert heavy == ""
    assert float(cpu_s) < 0.4


def test_python_m_and_version() -> None:
    done = python("-m", "audiocodec.cli", "--version")
    assert (done.returncode, done.stdout) == (0, f"codec {audiocodec.__version__}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["encodee"], "No such command 'encodee'"),
        (["encode", "--nosuch", "a.wav"], "No such option"),
        (["encode", "-o", "x"], "Missing argument"),
    ],
)
def test_wrong_usage_is_2(words: list[str], message: str) -> None:
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr and "Usage: " in done.stderr


def test_no_arguments_show_the_help() -> None:
    for words in ([], *([command] for command in COMMANDS if command != "info")):
        done = CliRunner().invoke(app, words)
        assert "Examples:" in done.output


def complete(**env: str) -> str:
    return CliRunner().invoke(app, [], prog_name="codec", env=env).stdout


def test_completion() -> None:
    words = {"COMP_WORDS": "codec enc", "COMP_CWORD": "1", "_CODEC_COMPLETE": "complete_bash"}
    assert complete(**words).split() == ["encode"]
    words = {**words, "COMP_WORDS": "codec decode --enc", "COMP_CWORD": "2"}
    assert complete(**words).split() == ["--encoding"]
    shown = python("-m", "audiocodec.cli", _CODEC_COMPLETE="source_bash").stdout
    assert "complete -o default -F" in shown and "codec" in shown


def test_main_hides_warnings_unless_asked() -> None:
    program = (
        "import sys, warnings\n"
        "from audiocodec.cli import app as module\n"
        "module.app = lambda **_: warnings.warn('seen')\n"
        "module.main()"
    )
    assert python("-c", program).stderr == ""
    assert "seen" in python("-W", "always", "-c", program).stderr


def test_a_name_that_the_output_cannot_encode(place: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "bitstream" / "mono.codes"
    shutil.copy(golden, "ü.codes")
    done = python("-m", "audiocodec.cli", "info", "ü.codes", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.startswith("\\xfc.codes: .codes version 1, complete\n")


def test_what_is_no_audiocodec_error_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, codec: Callable[..., Any], write_sound: Callable[..., Any]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    write_sound("in.wav")
    monkeypatch.setattr("audiocodec.files.encode_file", broken)
    with pytest.raises(ZeroDivisionError):
        codec("encode", "in.wav")
