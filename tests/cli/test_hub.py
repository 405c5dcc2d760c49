"""`codec pull`, `models`, `push` and `convert`, and models of the Hub in the other commands."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

Run = Callable[..., Any]


@pytest.fixture
def commit(place: Path, hub: Any, model_folder: Path) -> str:
    """user/model on a Hub; the commit."""
    return str(hub.add_folder("user/model", model_folder))


def snapshot(place: Path, commit: str) -> Path:
    return place / "cache" / "models--user--model" / "snapshots" / commit


def test_pull(codec: Run, place: Path, commit: str) -> None:
    done = codec("pull", "user/model")
    assert done.exit_code == 0
    assert done.stdout == f"{snapshot(place, commit)}\n"
    assert done.stderr.startswith(f"user/model@{commit[:12]}: soundstream, 3 levels at 8000 Hz, ")
    assert codec("pull", "user/model", "-q").stderr == ""
    assert codec("pull", "user/model", "--local-files-only").exit_code == 0


def test_pull_mends_what_is_damaged(codec: Run, place: Path, commit: str) -> None:
    assert codec("pull", "user/model").exit_code == 0
    weights = snapshot(place, commit) / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-9])
    assert codec("encode", "--model", "user/model", "gone.wav").exit_code == 1
    assert codec("pull", "user/model").exit_code == 0
    assert weights.read_bytes() == good


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["user/none"], "user/none: no such repository at http://127.0.0.1:"),
        (["user/model", "--revision", "v9"], "user/model: has no revision 'v9'"),
        (["user/model@v9"], "user/model: has no revision 'v9'"),
        (["user/other", "--local-files-only"], "user/other: not in the local cache"),
        (["nowhere"], "'nowhere' is neither a folder nor a Hub name"),
    ],
)
@pytest.mark.usefixtures("commit")
def test_trouble_is_one_line(codec: Run, words: list[str], message: str) -> None:
    done = codec("pull", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"codec: {message}") and done.stderr.count("\n") == 1


def test_a_model_of_an_unknown_family(codec: Run, hub: Any, place: Path) -> None:
    hub.add(
        "user/model", {"config.json": b'{"a": 1}', "model.safetensors": b"\2" + bytes(7) + b"{}"}
    )
    done = codec("pull", "user/model")
    assert done.exit_code == 1 and done.stderr.count("\n") == 1 and "no known layout" in done.stderr


def test_every_verb_takes_a_hub_name(
    codec: Run, commit: str, write_sound: Callable[..., Path], place: Path
) -> None:
    write_sound("in.wav")
    where = ("--model", "user/model", "--revision", commit)
    assert codec("encode", "in.wav", "x.codes", *where).exit_code == 0
    assert codec("decode", "x.codes", "y.wav", *where, "--local-files-only").exit_code == 0
    about = codec("info", "user/model", "--json", "--cache-dir", str(place / "cache"))
    facts = json.loads(about.stdout)
    assert (facts["name"], facts["revision"], facts["family"]) == (
        "user/model",
        commit,
        "soundstream",
    )
    assert facts["weights_bytes"] == (snapshot(place, commit) / "model.safetensors").stat().st_size
    # The file names its model, and so finds it by itself.
    assert json.loads(codec("info", "x.codes", "--json").stdout)["model"]["name"] == "user/model"


@pytest.mark.usefixtures("hub")
def test_pickles_need_their_option(
    codec: Run, model_folder: Path, place: Path, write_sound: Callable[..., Path]
) -> None:
    (place / "p").mkdir()
    torch.save(load_file(model_folder / "model.safetensors"), place / "p" / "pytorch_model.bin")
    (place / "p" / "config.json").write_bytes((model_folder / "config.json").read_bytes())
    write_sound("in.wav")
    refused = codec("encode", "in.wav", "x.codes", "--model", "p")
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1
    assert "pass --allow-pickle" in refused.stderr
    assert codec("encode", "in.wav", "x.codes", "--model", "p", "--allow-pickle").exit_code == 0
    assert codec("info", "p").exit_code == 0
    assert codec("convert", "p/pytorch_model.bin", "q").exit_code == 0
    assert codec("decode", "x.codes", "y.wav", "--model", "q").exit_code == 0


def test_convert(codec: Run, place: Path, commit: str, model_folder: Path) -> None:
    done = codec("convert", "user/model", "mine")
    assert done.exit_code == 0
    assert done.stderr.startswith("mine: soundstream, 3 levels at 8000 Hz, weights ")
    for name in ("model.safetensors",):
        assert (place / "mine" / name).read_bytes() == (model_folder / name).read_bytes()
    again = codec("convert", "mine", "mine")
    assert again.exit_code == 1 and "pass -f" in again.stderr
    assert codec("convert", "--dtype", "float32", "-f", "mine", "mine").exit_code == 0
    tensors = load_file(place / "mine" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert codec("convert", "model", "mine", "third", "-q").stderr == ""


def test_convert_shows_its_help_and_its_usage(codec: Run) -> None:
    assert "codec convert facebook/encodec_24khz encodec" in codec("convert", "--help").stdout
    assert codec("convert", "only-one").exit_code == 2


@pytest.mark.usefixtures("commit")
def test_models(codec: Run, place: Path) -> None:
    before = codec("models").stdout
    assert "facebook/encodec_24khz" in before and "user/model" not in before
    lines = before.splitlines()
    mimi = next(line for line in lines if line.startswith("kyutai/mimi "))
    assert "12.5" in mimi and "CC-BY-4.0" in mimi and "385 MB" in mimi
    assert any("Mimi, by Kyutai" in line and "CC BY 4.0" in line for line in lines)
    assert codec("pull", "user/model").exit_code == 0
    assert "  user/model@" in codec("models").stdout
    facts = json.loads(codec("models", "--json").stdout)
    assert [model["name"] for model in facts["cached"]] == ["user/model"]
    assert not any(model["cached"] for model in facts["known"])
    assert json.loads(codec("models", "--json", "--cache-dir", "no").stdout)["cached"] == []


@pytest.mark.usefixtures("hub")
@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own
def test_push(
    codec: Run, hub: Any, place: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert codec("convert", str(model_folder), "mine").exit_code == 0
    refused = codec("push", "mine", "user/new")
    assert refused.exit_code == 1 and "may not write there" in refused.stderr
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    done = codec("push", "mine", "user/new", "--private", "--license", "mit", "-m", "Hello")
    commit = hub.repositories["user/new"].branches["main"]
    assert (done.exit_code, done.stdout) == (0, f"{hub.endpoint}/user/new/commit/{commit}\n")
    assert done.stderr == f"mine -> user/new: commit {commit[:12]}\n"
    assert b"license: mit" in hub.repositories["user/new"].commits[commit]["README.md"]
    assert not (place / "mine" / "README.md").exists()
    (place / "mine" / "README.md").write_text("---\nlicense: mit\n---\nmine")
    asked = codec("push", "mine", "user/new", "--create-pr", "--license", "apache-2.0")
    assert asked.exit_code == 0 and "--license is left aside" in asked.stderr
    request = hub.repositories["user/new"].branches["refs/pr/1"]
    assert hub.repositories["user/new"].commits[request]["README.md"].endswith(b"mine")
    assert codec("pull", "user/new").exit_code == 0


@pytest.mark.usefixtures("hub")
def test_nothing_broken_is_pushed(codec: Run, hub: Any, place: Path, model_folder: Path) -> None:
    assert codec("convert", str(model_folder), "mine").exit_code == 0
    weights = place / "mine" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    done = codec("push", "mine", "user/new")
    assert done.exit_code == 1 and "not a readable safetensors file" in done.stderr
    assert codec("push", "nowhere", "user/new").exit_code == 1
    assert hub.lines() == []


def test_the_variables_are_honoured_by_a_program(place: Path, hub: Any, model_folder: Path) -> None:
    """HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE, as a shell would set them."""
    commit = hub.add_folder("user/model", model_folder)
    hub.repositories["user/model"].private = True
    fetch = ["-c", "from audiocodec.hub import fetch; print(fetch('user/model').folder)"]

    def run(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        env = {**os.environ, "HF_HOME": str(place / "home"), **more}
        env.pop("HF_HUB_CACHE")
        return subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True)

    refused = run(*fetch)
    assert refused.returncode == 1 and "or set HF_TOKEN" in refused.stderr
    done = run("-m", "audiocodec.cli", "pull", "user/model", HF_TOKEN="hf_good")
    folder = place / "home" / "hub" / "models--user--model" / "snapshots" / commit
    assert (done.returncode, done.stdout) == (0, f"{folder}\n")
    assert done.stderr.count("\n") == 1  # no bars where there is no terminal
    hub.seen.clear()
    assert run(*fetch, HF_HUB_OFFLINE="1").stdout == f"{folder}\n"
    assert hub.lines() == []
