"""The README does what it says: its Python runs, its commands and links exist."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
PAGES += [
    f"docs/{name}.md"
    for name in ("codes_files", "decisions", "hub", "onnx", "presets", "speed", "training")
]
PAGES += ["audiocodec/pretrained/README.md", "docs/evaluation/evaluation.md"]
EMBEDDED = ROOT / "audiocodec" / "pretrained" / "model.safetensors"


def blocks(language: str) -> list[str]:
    """Return the README's fenced blocks of one language; there must be some."""
    found = re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    assert found, f"the README has no {language} block"
    return found


def codec_lines() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("codec ")]


def help_of(command: str) -> str:
    run = [sys.executable, "-m", "audiocodec.cli", command, "--help"]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not EMBEDDED.exists(), reason="the embedded weights are not made yet")
@pytest.mark.parametrize("block", blocks("python"))
def test_python_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "examples" / "audio" / "demo.wav", tmp_path / "in.wav")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("command", sorted({line.split()[1] for line in codec_lines()}))
def test_commands_and_options_are_in_the_help(command: str) -> None:
    text = help_of(command)
    for line in codec_lines():
        words = shlex.split(line, comments=True)[1:]
        if words[0] == command:
            missing = [w for w in words[1:] if re.fullmatch(r"--?[a-z-]+", w) and w not in text]
            assert not missing, f"`{line}`: {missing} is not in the help"


def test_the_two_commands_are_there() -> None:
    scripts = re.findall(r"^(scripts/\w+)", "\n".join(blocks("sh")), flags=re.MULTILINE)
    assert scripts == ["scripts/demo", "scripts/test"]
    for script in scripts:
        assert (ROOT / script).stat().st_mode & 0o100, f"{script} cannot be executed"
    assert "scripts/test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not target.startswith("https://"):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"
