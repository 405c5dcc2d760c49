"""Arrows between the folders point one way, and a bare import stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# folder or file -> what it must never import (a name forbids everything below it as well)
FORBIDDEN: dict[str, set[str]] = {
    "audiocodec": {"audiocodec.cli", "audiocodec.training", "typer", "rich", "click"},
    "cli": {"audiocodec.training"},
    "training": {"audiocodec.cli", "typer", "rich", "click"},
    "audiocodec/families": {"audiocodec.files", "audiocodec.bitstream", "audiocodec.audio"},
    "audiocodec/layers": {"audiocodec.files", "audiocodec.bitstream", "audiocodec.audio"},
    "audiocodec/quantize": {"audiocodec.files", "audiocodec.bitstream", "audiocodec.audio"},
    "audiocodec/bitstream": {"torch"},
    "audiocodec/audio": {"torch"},
    "audiocodec/edit": {"torch"},
}
# By these names the two folders would be imported a second time, as other modules.
FALSE_ROOTS = {"cli", "training"}
# folder -> the only modules of audiocodec that it may import, itself aside
ALLOWED = {
    "audiocodec/bitstream": {"audiocodec.errors", "audiocodec.atomic"},
    "audiocodec/audio": {"audiocodec.errors", "audiocodec.atomic"},
}
# The bridge between codes and bytes; cli may use it too, to describe a file.
KNOW_THE_BITSTREAM_BELOW = ("audiocodec/bitstream/", "audiocodec/edit/")
KNOW_THE_BITSTREAM = {
    f"audiocodec/{name}.py"
    for name in ("entropy_tables", "files", "packing", "playback", "reports")
}


def imported(source: str) -> set[str]:
    """Return dotted names of all absolute imports, `from a import b` as a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def climbing(source: str, dots: int = 1) -> list[int]:
    """Return lines of relative imports with more than `dots` leading dots."""
    nodes = ast.walk(ast.parse(source))
    return [n.lineno for n in nodes if isinstance(n, ast.ImportFrom) and n.level > dots]


def below(name: str, roots: set[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def sources(folder: str) -> Iterator[tuple[str, str]]:
    """Yield path from the root and text of each Python file; there must be some."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths, f"no Python files in {folder}: the rule about it checks nothing"
    for path in paths:
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def in_fresh_interpreter(code: str) -> set[str]:
    """Return names of the modules that are loaded after `code` in a new process."""
    program = f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_arrows_point_one_way(folder: str) -> None:
    for path, source in sources(folder):
        hits = {name for name in imported(source) if below(name, FORBIDDEN[folder])}
        assert not hits, f"{path} imports {sorted(hits)}"


@pytest.mark.parametrize("folder", ALLOWED)
def test_leaves_know_only_errors_and_atomic(folder: str) -> None:
    own = ALLOWED[folder] | {folder.replace("/", ".")}
    for path, source in sources(folder):
        hits = {n for n in imported(source) if below(n, {"audiocodec"}) and not below(n, own)}
        assert not hits, f"{path} imports {sorted(hits)}"


def test_only_the_bridge_knows_the_bitstream() -> None:
    for path, source in sources("audiocodec"):
        if path in KNOW_THE_BITSTREAM or path.startswith(KNOW_THE_BITSTREAM_BELOW):
            continue
        hits = {name for name in imported(source) if below(name, {"audiocodec.bitstream"})}
        assert not hits, f"{path} imports {sorted(hits)}"


@pytest.mark.parametrize("folder", ["audiocodec", "cli", "training", "tests"])
def test_no_second_copies_of_modules(folder: str) -> None:
    for path, source in sources(folder):
        hits = {name for name in imported(source) if below(name, FALSE_ROOTS)}
        assert not hits, f"{path} imports {sorted(hits)}: write audiocodec.{min(hits)}"


@pytest.mark.parametrize("folder", ["audiocodec", "cli", "training"])
def test_relative_imports_stay_in_their_folder(folder: str) -> None:
    for path, source in sources(folder):
        # cli and training are read as roots of their own, so inside them climbing is the only way.
        dots = 1 if folder == "audiocodec" else path.count("/")
        lines = climbing(source, dots)
        assert not lines, f"{path} climbs out of its folder, lines {lines}"


def test_the_walker_sees_what_it_should() -> None:
    source = "import torch.nn\nfrom rich import print\ndef f():\n    from ..audio import read\n"
    assert imported(source) == {"torch.nn", "rich.print"}
    assert climbing(source) == [4] and climbing(source, dots=2) == []
    assert below("torch.nn", {"torch"}) and not below("torchaudio", {"torch"})


def test_bare_import_is_light() -> None:
    heavy = {"torch", "numpy", "typer", "click", "rich", "soundfile", "soxr", "matplotlib"}
    assert not heavy & in_fresh_interpreter("import audiocodec")


def test_codes_need_no_torch() -> None:
    loaded = in_fresh_interpreter("import audiocodec\naudiocodec.Codes, audiocodec.CodecSpec")
    assert "numpy" in loaded and "torch" not in loaded


def test_editing_codes_needs_no_torch() -> None:
    loaded = in_fresh_interpreter("import audiocodec\naudiocodec.cut_file, audiocodec.verify_file")
    assert "audiocodec.edit.join" in loaded and "torch" not in loaded


def test_command_line_loads_no_torch_and_no_second_copies() -> None:
    loaded = in_fresh_interpreter("import audiocodec.cli.app")
    assert "audiocodec.cli.app" in loaded
    assert not {"torch", "cli", "training", "audiocodec.training"} & loaded
