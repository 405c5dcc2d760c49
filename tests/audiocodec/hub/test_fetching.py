"""`fetch` over HTTP: what is asked for, what is kept, and every refusal as one line."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError, UnknownModel, WeightsMismatch
from audiocodec.hub import fetch

CONFIG = b'{"model_type": "encodec", "sampling_rate": 24000, "upsampling_ratios": [8, 5, 4, 2]}'
WEIGHTS = bytes(range(256)) * 4000
FILES = {
    "README.md": b"hello",
    "config.json": CONFIG,
    "preprocessor_config.json": b"{}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle",
}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def left_over(cache: Path) -> list[str]:
    """Return what lies in the cache and is neither a lock nor a folder nor a known file."""
    found = [
        path.name for path in cache.rglob("*") if path.is_file() and ".locks" not in path.parts
    ]
    usual = {"main", "CACHEDIR.TAG", *FILES}
    return [name for name in found if name not in usual and len(name) not in (40, 64)]


def refusal(kind: type[AudioCodecError], name: str = "user/model", **options: Any) -> str:
    with pytest.raises(kind) as caught:
        fetch(name, **options)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400, message
    return message


def test_only_what_a_model_needs_is_fetched(hub: Any, cache: Path) -> None:
    commit = hub.add("user/model", FILES)
    found = fetch("user/model")
    assert (found.folder, found.revision) == (
        cache / "models--user--model" / "snapshots" / commit,
        commit,
    )
    assert sorted(path.name for path in found.folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    assert found.weights.read_bytes() == WEIGHTS
    assert (found.folder / "config.json").read_bytes() == CONFIG
    assert len(hub.lines("GET /cdn")) == 1 and left_over(cache) == []


def test_the_layout_is_the_clients(hub: Any, cache: Path) -> None:
    """Other programs find what was fetched here, and the other way round."""
    from huggingface_hub import hf_hub_download, snapshot_download

    hub.add("user/model", FILES)
    found = fetch("user/model")
    seen = len(hub.lines("GET /cdn"))
    assert hf_hub_download("user/model", "model.safetensors") == str(found.weights)
    assert snapshot_download("user/model", local_files_only=True) == str(found.folder)
    hub.add("user/other", FILES)
    hf_hub_download("user/other", "model.safetensors")
    fetch("user/other")
    assert len(hub.lines("GET /cdn/")) == seen + 1


def test_what_is_cached_is_not_fetched_again(hub: Any) -> None:
    commit = hub.add("user/model", FILES)
    fetch("user/model")
    hub.seen.clear()
    fetch("user/model")
    assert hub.lines() == ["GET /api/models/user/model/revision/main"]  # has the branch moved?
    hub.seen.clear()
    assert fetch("user/model", revision=commit).revision == commit
    assert fetch("user/model", local_files_only=True).revision == commit
    assert hub.lines() == []


def test_a_branch_that_moved_is_followed(hub: Any) -> None:
    first = hub.add("user/model", FILES)
    fetch("user/model")
    second = hub.add("user/model", {**FILES, "config.json": CONFIG + b"\n"})
    assert fetch("user/model", local_files_only=True).revision == first
    found = fetch("user/model")
    assert found.revision == second and found.folder.name == second
    assert len(hub.lines("GET /cdn")) == 1  # the weights are the same bytes


def test_revisions(hub: Any) -> None:
    first = hub.add("user/model", FILES)
    request = hub.add("user/model", {**FILES, "config.json": CONFIG + b" "}, "refs/pr/1")
    assert fetch("user/model", revision=first).revision == first
    assert fetch("user/model", revision="refs/pr/1").revision == request
    assert fetch("user/model", revision="refs/pr/1", local_files_only=True).revision == request
    message = refusal(UnknownModel, revision="v9")
    assert message == (
        "user/model: has no revision 'v9'; give a branch, a tag or a full commit hash"
    )


@pytest.mark.parametrize(
    "revision", ["../../x", "a/../b", "", "/etc", "x" * 200, "a b", "-x", "a//b"]
)
def test_a_revision_is_no_path(hub: Any, cache: Path, revision: str) -> None:
    if revision:
        assert "is no revision" in refusal(UnknownModel, revision=revision)
        assert hub.lines() == [] and not cache.exists()


def test_no_such_repository(hub: Any) -> None:
    message = refusal(UnknownModel)
    assert message == (
        f"user/model: no such repository at {hub.endpoint}, or a private one; check the name, "
        f"or set HF_TOKEN"
    )


def test_a_private_repository_needs_its_token(hub: Any) -> None:
    hub.add("user/model", FILES)
    hub.repositories["user/model"].private = True
    assert "or a private one" in refusal(UnknownModel)
    fetch("user/model", token="hf_good")
    cdn = [seen for seen in hub.seen if "/cdn/" in seen.path]
    assert cdn and all("authorization" not in seen.headers for seen in cdn)  # the token stays home


def test_the_token_of_the_environment(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("user/model", FILES)
    hub.repositories["user/model"].private = True
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    assert fetch("user/model").weights.read_bytes() == WEIGHTS


def test_a_gated_repository(hub: Any, cache: Path) -> None:
    hub.add("user/model", FILES)
    hub.repositories["user/model"].gated = True
    message = refusal(UnknownModel)
    assert message.startswith(f"user/model: access is gated; accept its terms at {hub.endpoint}/")
    assert left_over(cache) == []


def test_no_network(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub.add("user/model", FILES)
    fetched = fetch("user/model")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert fetch("user/model") == fetched
    assert refusal(UnknownModel, "user/other") == (
        "user/other: not in the local cache and the Hub cannot be reached; check the network, "
        "or give a local folder"
    )


@pytest.mark.parametrize("status", [500, 503])
def test_a_hub_that_is_down(hub: Any, status: int) -> None:
    hub.add("user/model", FILES)
    fetched = fetch("user/model")
    hub.status = status
    assert fetch("user/model") == fetched
    assert "the Hub cannot be reached" in refusal(UnknownModel, "user/other")


def test_other_refusals_are_one_line(hub: Any) -> None:
    hub.status = 418
    assert refusal(UnknownModel).startswith("user/model: the Hub refused: ")


def test_offline_by_environment_is_one_clear_line(tmp_path: Path) -> None:
    program = (
        "from audiocodec.errors import UnknownModel\n"
        "from audiocodec.hub import fetch\n"
        "try:\n    fetch('user/model')\n"
        "except UnknownModel as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("user/model: not in the local cache and the Hub cannot be")
    assert done.stderr == ""


@pytest.mark.parametrize("where", ["cut", "flipped", "longer", "text"])
def test_other_bytes_than_the_hub_names_are_refused(hub: Any, cache: Path, where: str) -> None:
    import hashlib

    hub.add("user/model", FILES)
    changed = {
        "cut": WEIGHTS[:-1],
        "flipped": WEIGHTS[:5] + b"\xff" + WEIGHTS[6:],
        "longer": WEIGHTS + b"x",
        "text": b"<html>captive portal</html>",
    }[where]
    hub.tampered[hashlib.sha256(WEIGHTS).hexdigest()] = changed
    message = refusal(AudioCodecError)
    assert message.startswith("user/model: ")
    if where == "flipped":
        assert "are not those that the Hub names" in message
        with pytest.raises(WeightsMismatch):
            fetch("user/model")
    assert left_over(cache) == [] and not list(cache.rglob("model.safetensors"))
    hub.tampered.clear()
    assert fetch("user/model").weights.read_bytes() == WEIGHTS


def test_damage_in_the_cache_is_mended_when_asked(hub: Any) -> None:
    hub.add("user/model", FILES)
    found = fetch("user/model")
    found.weights.write_bytes(WEIGHTS[:-1] + b"?")
    (found.folder / "config.json").write_bytes(b"{}")
    mended = fetch("user/model", verify=True)
    assert mended == found and found.weights.read_bytes() == WEIGHTS
    assert (found.folder / "config.json").read_bytes() == CONFIG
    hub.seen.clear()
    fetch("user/model", verify=True)
    assert hub.lines("GET /cdn") == []


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_files_that_are_too_large_are_not_fetched(
    hub: Any, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    from audiocodec.hub import fetching

    hub.add("user/model", {**FILES, "config.json": CONFIG + b" " * (1 << 20)})
    if file != "config.json":
        hub.add("user/model", FILES)
        monkeypatch.setattr(fetching, "MAX_WEIGHTS_BYTES", 1000)
    message = refusal(UnknownModel)
    assert f"{file} has" in message and "is no codec's" in message
    assert not hub.lines("GET /user") or file != "config.json"
    assert hub.lines("GET /cdn") == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (b'{"model_type": "whisper"}', "a model of the type 'whisper', which is no codec"),
        (b"[]", "a JSON object was expected"),
        (b"{", "not valid JSON"),
        (b'{"model_type": ' + b"[" * 100_000, "not valid JSON"),
    ],
)
def test_what_is_no_codec_costs_no_download(hub: Any, config: bytes, message: str) -> None:
    hub.add("user/model", {**FILES, "config.json": config})
    assert message in refusal(UnknownModel)
    assert hub.lines("GET /cdn") == []


def test_a_full_disk(hub: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import file_download

    hub.add("user/model", FILES)
    real = file_download.http_get

    def fill(url: str, file: Any, **options: Any) -> None:
        if url.endswith("model.safetensors"):
            file.write(b"x" * 1000)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(url, file, **options)

    monkeypatch.setattr(file_download, "http_get", fill)
    message = refusal(AudioCodecError)
    assert message == (
        "user/model: the disk of the cache is full; free some space or choose another place "
        "(--cache-dir, HF_HOME)"
    )
    assert left_over(cache) == [] and not list(cache.rglob("model.safetensors"))
    monkeypatch.setattr(file_download, "http_get", real)
    assert fetch("user/model").weights.read_bytes() == WEIGHTS


def test_a_disk_that_is_too_small_is_seen_before(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    hub.add("user/model", FILES)
    usage = shutil.disk_usage("/")._replace(free=10_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "the disk of the cache is full" in refusal(AudioCodecError)
    assert hub.lines("GET /cdn") == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions bind no root")
def test_a_cache_that_cannot_be_written(hub: Any, tmp_path: Path) -> None:
    hub.add("user/model", FILES)
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "cannot be written" in refusal(AudioCodecError, cache_dir=tmp_path / "locked")


class Unheard(Exception):
    """Stands for an error of whatever transport the client uses."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("bad\nname"), "user/model: cannot be fetched: bad"),
        (Unheard(), "user/model: cannot be fetched: Unheard"),
        (PermissionError(13, "Permission denied"), "user/model: the cache cannot be written ("),
    ],
)
def test_trouble_is_one_line(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    assert refusal(AudioCodecError, cache_dir=tmp_path).startswith(message)


def test_an_interrupt_is_let_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch("user/model", cache_dir=tmp_path)


def test_local_files_only_opens_no_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(UnknownModel, match="not in the local cache"):
        fetch("user/model", cache_dir=tmp_path, local_files_only=True)


def test_a_model_of_our_own_loads_from_the_hub(
    hub: Any, tiny_codec: Codec, tmp_path: Path, make_tiny_codec: Callable[..., Codec]
) -> None:
    import audiocodec

    tiny_codec.save(tmp_path / "model")
    commit = hub.add_folder("user/model", tmp_path / "model")
    codec = audiocodec.load("user/model@main")
    assert codec.identity is not None
    assert (codec.identity.name, codec.identity.revision) == ("user/model", commit)
    assert codec.spec == tiny_codec.spec
