"""Hub names, and every way of not getting one as a single line; the network is never touched."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import HfHubHTTPError

from audiocodec.errors import UnknownModel
from audiocodec.hub import fetch, looks_like_hub_name


@pytest.mark.parametrize("name", ["user/model", "facebook/encodec_24khz", "a-b/c.d_e", "1/2"])
def test_names(name: str) -> None:
    assert looks_like_hub_name(name)


@pytest.mark.parametrize(
    "name", ["", "model", "a/b/c", "./model", "../model", "/model", "user/", "a b/c", "user/.x"]
)
def test_no_names(name: str) -> None:
    assert not looks_like_hub_name(name)


def test_offline_by_environment_is_one_clear_line(tmp_path: Path) -> None:
    program = """
from audiocodec.errors import UnknownModel
from audiocodec.hub import fetch
try:
    fetch("user/model")
except UnknownModel as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        "user/model: not in the local cache and the Hub cannot be reached; check the network, "
        "or give a local folder\n"
    )
    assert done.stderr == ""


def refuse_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> str:
    def refuse(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(UnknownModel) as caught:
        fetch("user/model")
    assert caught.value.__cause__ is error
    return str(caught.value)


class Unheard(Exception):
    """Stands for an error of whatever transport the client uses."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("bad\nname"), "user/model: cannot be fetched: bad"),
        (OSError(28, "No space left on device"), "user/model: cannot be fetched: [Errno 28]"),
        (Unheard(), "user/model: cannot be fetched: Unheard"),
        (Unheard("read timed out"), "user/model: cannot be fetched: read timed out"),
    ],
)
def test_trouble_is_one_line(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = refuse_with(error, monkeypatch)
    assert found.startswith(message) and "\n" not in found


def test_a_refusal_of_the_hub_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    # The constructor wants a response of the client's transport, which differs by version.
    error = HfHubHTTPError.__new__(HfHubHTTPError)
    Exception.__init__(error, "401 Client Error\n\nRequest ID: 1")
    monkeypatch.setattr(HfHubHTTPError, "__str__", lambda self: str(self.args[0]))
    assert refuse_with(error, monkeypatch) == "user/model: the Hub refused: 401 Client Error"


def test_an_interrupt_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(huggingface_hub, "snapshot_download", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch("user/model")


def test_only_plain_files_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, object] = {}

    def pretend(name: str, **options: object) -> str:
        asked.update(options, name=name)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", pretend)
    assert fetch("user/model", revision="v1", cache_dir=tmp_path) == tmp_path
    assert asked["allow_patterns"] == ["*.json", "*.safetensors", "README.md"]
    assert (asked["name"], asked["revision"], asked["cache_dir"]) == ("user/model", "v1", tmp_path)


def test_local_files_only_opens_no_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(UnknownModel, match="not in the local cache"):
        fetch("user/model", cache_dir=tmp_path, local_files_only=True)
