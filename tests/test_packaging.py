"""What is installed is what is in the tree."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import audiocodec

ROOT = Path(__file__).parent.parent
HOMES = {"audiocodec": "audiocodec", "cli": "audiocodec/cli", "training": "audiocodec/training"}
EMBEDDED = "audiocodec/pretrained/model.safetensors"
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.egg-info")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def shipped_files() -> set[str]:
    """Return installed path of every file in the three folders."""
    return {
        f"{home}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, home in HOMES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source archive, and from that alone the wheel, in a copy of the tree."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in HOMES:
        shutil.copytree(ROOT / folder, tree / folder, ignore=NOT_SHIPPED)
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", "."]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (built,) = (tree / "dist").glob("*.whl")
    return built


def test_every_package_folder_is_declared() -> None:
    declared = project()["tool"]["setuptools"]["packages"]
    holding_code = {Path(name).parent for name in shipped_files() if name.endswith(".py")}
    assert sorted(declared) == sorted(".".join(folder.parts) for folder in holding_code)


def test_every_package_folder_has_its_init() -> None:
    holding_code = {Path(name).parent for name in shipped_files() if name.endswith(".py")}
    missing = {f for f in holding_code if f"{f.as_posix()}/__init__.py" not in shipped_files()}
    assert not missing


def test_version_is_the_same_everywhere() -> None:
    version = project()["project"]["version"]
    assert audiocodec.__version__ == version
    assert importlib.metadata.version("audiocodec") == version
    assert version in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_dependencies_have_no_upper_pins() -> None:
    table = project()["project"]
    extras = [line for lines in table["optional-dependencies"].values() for line in lines]
    for requirement in table["dependencies"] + extras:
        assert re.fullmatch(r"[\w-]+>=[\d.]+", requirement)


def test_wheel_holds_exactly_the_tree(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        entry_points = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
        assert b"codec = audiocodec.cli.app:main" in archive.read(entry_points)
    assert inside == shipped_files()


@pytest.mark.skipif(not (ROOT / EMBEDDED).exists(), reason="the embedded weights are not made yet")
def test_installed_wheel_loads_its_embedded_weights(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    program = (
        "import audiocodec, numpy as np\n"
        "codec = audiocodec.load()\n"
        "codes = codec.encode(np.zeros(5000, np.float32), 24_000)\n"
        "print(audiocodec.__file__, codec.decode(codes).shape)\n"
    )
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(site), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(str(site)), "another copy was imported"
