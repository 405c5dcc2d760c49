import io
import os
import subprocess
import sys

import pytest

from audiocodec.audio.sndfile import Port, muted_stderr, write_all


class Interrupted(io.BytesIO):
    def read(self, count: int | None = -1, /) -> bytes:
        raise KeyboardInterrupt

    def write(self, data: object, /) -> int:
        raise KeyboardInterrupt


def test_what_is_raised_inside_a_callback_waits_for_the_check() -> None:
    port = Port(Interrupted(b"abc"))
    port.check()
    assert port.readinto(memoryview(bytearray(2))) == 0
    with pytest.raises(KeyboardInterrupt):
        port.check()
    assert port.write(b"more") == 0


def test_after_the_cut_nothing_reaches_the_stream() -> None:
    stream = io.BytesIO()
    port = Port(stream)
    assert port.write(b"kept") == 4
    port.cut()
    assert port.write(b"lost") == 0
    assert stream.getvalue() == b"kept"


def test_positions_count_from_where_the_stream_stood() -> None:
    stream = io.BytesIO(b"before--sound")
    stream.seek(8)
    port = Port(stream)
    assert (port.seek(0, os.SEEK_END), port.seek(-2, os.SEEK_CUR), port.seek(1)) == (5, 3, 1)
    buffer = bytearray(10)
    assert port.readinto(memoryview(buffer)) == 4
    assert buffer[:4] == b"ound"


def test_an_endless_stream_only_pretends() -> None:
    port = Port(io.BytesIO(b"sound"), endless=True)
    assert port.seek(0, os.SEEK_END) > 1 << 32
    assert port.seek(3) == 3
    assert port.readinto(memoryview(bytearray(10))) == 2


def test_streams_that_take_little_at_a_time_get_everything() -> None:
    class Reluctant(io.RawIOBase):
        taken = b""

        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            self.taken += bytes(data[:3])
            return min(3, len(data))

    stream = Reluctant()
    write_all(stream, b"0123456789")  # type: ignore[arg-type]
    assert stream.taken == b"0123456789"


def test_only_what_is_printed_inside_is_muted(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before ")
    with pytest.raises(ZeroDivisionError), muted_stderr():
        os.write(2, b"inside ")
        raise ZeroDivisionError
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_a_process_without_stderr_is_no_trouble() -> None:
    program = (
        "import os; os.close(2); from audiocodec.audio.sndfile import muted_stderr\n"
        "with muted_stderr(): print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"fine"
