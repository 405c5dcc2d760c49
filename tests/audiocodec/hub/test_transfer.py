"""Downloads that break off go on where they stopped, in the same process or in the next."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audiocodec.errors import AudioCodecError
from audiocodec.hub import fetch

WEIGHTS = bytes(range(251)) * 4000
FILES = {"config.json": b'{"family": "x"}', "model.safetensors": WEIGHTS}
CHUNK = 1 << 14  # what the client writes at once; by itself 10 MB
PROGRAM = f"""
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = {CHUNK}
from audiocodec.hub import fetch
print(fetch("user/model").weights)
"""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", CHUNK)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


def partial(tmp_path: Path) -> Path | None:
    return next((tmp_path / "cache").rglob("*.incomplete"), None)


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s, "it never happened"
        time.sleep(0.01)


def start() -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=dict(os.environ), stdout=pipe, stderr=pipe, text=True
    )


@pytest.mark.usefixtures("no_waiting")
def test_a_connection_that_breaks_is_taken_up_again(hub: Any, tmp_path: Path) -> None:
    hub.add("user/model", FILES)
    hub.cut_at = [5 * CHUNK + 7, 3 * CHUNK]
    assert fetch("user/model").weights.read_bytes() == WEIGHTS
    assert hub.ranges() == ["", f"bytes={5 * CHUNK}-", f"bytes={8 * CHUNK}-"]
    assert partial(tmp_path) is None


@pytest.mark.usefixtures("no_waiting")
def test_the_next_pull_goes_on_where_this_one_gave_up(hub: Any, tmp_path: Path) -> None:
    hub.add("user/model", FILES)
    hub.cut_at = [5 * CHUNK, *[0] * 20]
    with pytest.raises(AudioCodecError) as caught:
        fetch("user/model")
    assert str(caught.value) == (
        f"user/model: the connection broke off after {5 * CHUNK} of {len(WEIGHTS)} bytes of "
        f"model.safetensors; run it again to go on from there"
    )
    kept = partial(tmp_path)
    assert kept is not None and kept.read_bytes() == WEIGHTS[: 5 * CHUNK]
    assert not list((tmp_path / "cache").rglob("model.safetensors"))
    hub.cut_at, hub.seen = [], []
    assert fetch("user/model").weights.read_bytes() == WEIGHTS
    assert hub.ranges() == [f"bytes={5 * CHUNK}-"] and partial(tmp_path) is None


def test_a_process_that_was_killed_leaves_what_the_next_needs(hub: Any, tmp_path: Path) -> None:
    hub.add("user/model", FILES)
    hub.cut_at, hub.stall = [4 * CHUNK], threading.Event()
    process = start()
    try:
        wait_for(lambda: (path := partial(tmp_path)) and path.stat().st_size >= 3 * CHUNK)
    finally:
        process.kill()
        process.communicate()
    hub.stall.set()
    kept = partial(tmp_path)
    assert kept is not None
    have = kept.stat().st_size
    hub.seen.clear()
    assert fetch("user/model").weights.read_bytes() == WEIGHTS
    assert hub.ranges() == [f"bytes={have}-"]


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("damage", [b"", b"?" * 3 * CHUNK, WEIGHTS + b"more", WEIGHTS])
def test_what_was_left_over_is_not_believed(hub: Any, tmp_path: Path, damage: bytes) -> None:
    """Other bytes than those that belong there cost one refusal; the next pull begins anew."""
    hub.add("user/model", FILES)
    hub.cut_at = [CHUNK, *[0] * 20]
    with pytest.raises(AudioCodecError):
        fetch("user/model")
    kept = partial(tmp_path)
    assert kept is not None
    kept.write_bytes(damage)
    hub.cut_at = []
    if damage.startswith(b"?"):
        with pytest.raises(AudioCodecError, match="are not those that the Hub names"):
            fetch("user/model")
    assert fetch("user/model").weights.read_bytes() == WEIGHTS
    assert partial(tmp_path) is None


def test_two_processes_at_once_share_one_download(hub: Any, tmp_path: Path) -> None:
    hub.add("user/model", FILES)
    hub.cut_at, hub.stall = [4 * CHUNK], threading.Event()
    both = [start(), start()]
    try:
        # Both have asked for it, so one waits for the other, which waits for the server.
        heads = "HEAD /user/model/resolve/"
        wait_for(lambda: sum("safetensors" in line for line in hub.lines(heads)) == 2)
        hub.stall.set()
        results = [process.communicate(timeout=60) for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0], results
    assert len({out for out, _ in results}) == 1
    assert Path(results[0][0].strip()).read_bytes() == WEIGHTS
    assert hub.ranges() == ["", f"bytes={4 * CHUNK}-"]
