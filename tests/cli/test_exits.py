"""How commands end, in processes of their own: signals, pipes, terminals."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from audiocodec.cli.app import app
from audiocodec.cli.exits import exit_codes

from audiocodec.errors import AudioCodecError

CODEC = [sys.executable, "-m", "audiocodec.cli"]
GOLDEN = Path(__file__).parents[1] / "golden" / "bitstream" / "mono.codes"
PIPE = subprocess.PIPE
LONG_S = 120  # a busy machine takes its time to load torch

WriteSound = Callable[..., Path]
Run = Callable[..., Any]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals and pipes")


@pytest.fixture
def model(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options for a process that is to encode or decode."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return ["--model", str(model_folder), "--device", "cpu"]


def heed_ctrl_c() -> None:
    """Jobs in a shell's background are started with Ctrl-C ignored, and would hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(*words: str, **streams: Any) -> "Iterator[subprocess.Popen[bytes]]":
    """Run `codec` beside this process, and never leave it behind."""
    with subprocess.Popen([*CODEC, *words], preexec_fn=heed_ctrl_c, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_part(folder: Path) -> None:
    """Wait until an unfinished output is there."""
    deadline_s = time.monotonic() + LONG_S
    while not list(folder.glob(".*.part")):
        assert time.monotonic() < deadline_s, "no output was begun"
        time.sleep(0.02)


def test_ctrl_c_and_termination_keep_the_original(place: Path, model: list[str]) -> None:
    raw = ["--raw-rate", "8000", "-f", *model]
    for name in ("interrupted", "terminated"):
        Path(name).mkdir()
        Path(name, "out.codes").write_bytes(b"the original")
    with (
        started("encode", "-", "interrupted/out.codes", *raw, stdin=PIPE, stderr=PIPE) as one,
        started("encode", "-", "terminated/out.codes", *raw, stdin=PIPE, stderr=PIPE) as two,
    ):
        # Both are in the middle now: more sound may come, and never does.
        for process, name in ((one, "interrupted"), (two, "terminated")):
            assert process.stdin is not None
            process.stdin.write(bytes(100_000))
            process.stdin.flush()
            wait_for_part(Path(name))
        one.send_signal(signal.SIGINT)
        two.send_signal(signal.SIGTERM)
        assert one.wait(LONG_S) == 130
        assert two.wait(LONG_S) == 143
        assert one.stderr is not None and one.stderr.read() == b"codec: interrupted\n"
        assert two.stderr is not None and two.stderr.read() == b""
    for name in ("interrupted", "terminated"):
        assert os.listdir(name) == ["out.codes"], "a half-written file was left"
        assert Path(name, "out.codes").read_bytes() == b"the original"


def test_a_pipe_whose_reader_goes_away(
    place: Path, model: list[str], write_sound: WriteSound
) -> None:
    """`codec encode - < in.wav | codec decode - | head -c 4`."""
    path = write_sound("in.wav", 200_000)
    quiet = ["-", "-q", *model]
    with (
        open(path, "rb") as source,
        started("encode", *quiet, stdin=source, stdout=PIPE, stderr=PIPE) as one,
        started("decode", *quiet, stdin=one.stdout, stdout=PIPE, stderr=PIPE) as two,
    ):
        assert one.stdout is not None and one.stderr is not None
        assert two.stdout is not None and two.stderr is not None
        one.stdout.close()  # only the second process reads it
        assert two.stdout.read(4) == b"RIFF"
        two.stdout.close()
        assert two.wait(LONG_S) == 141
        assert two.stderr.read() == b""
        assert one.wait(LONG_S) in (0, 141)  # it may have been done before
        assert one.stderr.read() == b""


def test_a_live_pipe_is_heard_before_its_end(place: Path, model: list[str]) -> None:
    """`... | codec encode - - | codec decode - - | ...`, while more may come."""
    samples, options = 8000 * 4, ["-", "-", "-q", *model]
    with (
        started("encode", *options, "--raw-rate", "8000", stdin=PIPE, stdout=PIPE) as one,
        started("decode", *options, "--raw", stdin=one.stdout, stdout=PIPE) as two,
    ):
        assert one.stdin is not None and one.stdout is not None and two.stdout is not None
        one.stdout.close()
        one.stdin.write(bytes(2 * samples))
        one.stdin.flush()
        readable, _, _ = select.select([two.stdout], [], [], LONG_S)
        assert readable, "nothing came, though four seconds went in"
        heard = os.read(two.stdout.fileno(), 1 << 20)
        assert heard and (one.poll(), two.poll()) == (None, None)
        one.stdin.write(bytes(2 * 100))
        one.stdin.close()
        assert len(heard) + len(two.stdout.read()) == 2 * (samples + 100)
        assert (one.wait(LONG_S), two.wait(LONG_S)) == (0, 0)


def test_nobody_reads_the_facts() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with started("info", str(GOLDEN), stdout=writing, stderr=PIPE) as process:
        os.close(writing)
        assert process.wait(LONG_S) == 141
        assert process.stderr is not None and process.stderr.read() == b""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_streams_are_no_bug(closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *CODEC, "info", str(GOLDEN)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_progress_on_a_terminal(
    model: list[str], write_sound: WriteSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty

    write_sound("in ü.wav", 40_000)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        app(["encode", "in ü.wav", *model], standalone_mode=False)
        monkeypatch.undo()
    seen = b"".join(iter(lambda: _read_terminal(ours), b"")).decode()
    os.close(ours)
    states = [state.rstrip() for state in seen.split("\r")]
    assert "loading the model ..." in states
    assert any(state.startswith("in ü.wav  [") and " of 5.0 s, " in state for state in states)
    # The terminal turns the one line feed into CR LF.
    assert seen.count("\n") == 1
    assert states[-2].startswith("in ü.wav -> in ü.codes: 5 s, 3 levels, 6 kbps, ")


def _read_terminal(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1024)
    except OSError:  # Linux says so when the other side has closed
        return b""


def test_codes_are_not_written_to_a_terminal(
    codec: Run, write_sound: WriteSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sound("in.wav")
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    done = codec("encode", "in.wav", "-")
    assert done.exit_code == 2 and "standard output is a terminal" in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (AudioCodecError("first\nsecond"), 1, "codec: first\\nsecond\n"),
        (KeyboardInterrupt(), 130, "codec: interrupted\n"),
    ],
)
def test_exit_codes(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    with pytest.raises(typer.Exit) as caught, exit_codes():
        raise error
    assert caught.value.exit_code == code
    assert capsys.readouterr() == ("", message)
