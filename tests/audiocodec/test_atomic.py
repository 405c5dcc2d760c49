"""Outputs appear completely or not at all, with one clear line when they cannot."""

import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from audiocodec.atomic import atomic_output
from audiocodec.errors import AudioCodecError, OutputExists


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_only_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    with atomic_output(target, overwrite=False) as file:
        file.write(b"whole")
        file.flush()
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.bin"]


def test_the_file_can_be_seeked_and_read_back(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "out", overwrite=False) as file:
        file.write(b"abcdef")
        file.seek(2)
        assert file.read(2) == b"cd"
        file.write(b"X")
    assert (tmp_path / "out").read_bytes() == b"abcdXf"


def test_a_writer_may_close_the_file_itself(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "out", overwrite=False) as file:
        file.write(b"x")
        file.close()
    assert (tmp_path / "out").read_bytes() == b"x"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("original", [None, b"original"])
def test_an_exception_leaves_things_as_they_were(
    tmp_path: Path, failure: type[BaseException], original: bytes | None
) -> None:
    target = tmp_path / "out"
    if original is not None:
        target.write_bytes(original)
    with pytest.raises(failure), atomic_output(target, overwrite=True) as file:
        file.write(b"half")
        raise failure
    assert names(tmp_path) == ([] if original is None else ["out"])
    assert original is None or target.read_bytes() == original


def test_an_existing_file_is_refused_unless_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"original")
    with (
        pytest.raises(OutputExists, match=r"exists already.*-f.*overwrite=True"),
        atomic_output(target, overwrite=False),
    ):
        pytest.fail("the block must not run")
    assert target.read_bytes() == b"original"
    with atomic_output(target, overwrite=True) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


def test_a_file_that_appears_meanwhile_is_not_lost(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with pytest.raises(OutputExists), atomic_output(target, overwrite=False):
        target.write_bytes(b"somebody else's")
    assert target.read_bytes() == b"somebody else's"
    assert names(tmp_path) == ["out"]


def test_permissions_come_from_the_umask_or_from_the_replaced_file(tmp_path: Path) -> None:
    target = tmp_path / "out"
    before = os.umask(0o027)
    try:
        with atomic_output(target, overwrite=False):
            pass
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
        target.chmod(0o604)
        with atomic_output(target, overwrite=True):
            pass
        assert stat.S_IMODE(target.stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"original")
    (tmp_path / "link").symlink_to("real")
    with atomic_output(tmp_path / "link", overwrite=True) as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with (
        pytest.raises(AudioCodecError, match="is a folder"),
        atomic_output(tmp_path, overwrite=True),
    ):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_a_missing_folder_is_named(tmp_path: Path, parent: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(AudioCodecError, match=f"there is no folder .*{parent}"),
        atomic_output(tmp_path / parent / "out", overwrite=False),
    ):
        pytest.fail("the block must not run")


def test_a_read_only_folder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, *_: object) -> int:
        raise PermissionError(13, "Permission denied", os.fspath(path))  # type: ignore[call-overload]

    monkeypatch.setattr(os, "open", refuse)  # a test that runs as root may write anywhere
    with (
        pytest.raises(AudioCodecError, match=r"cannot write .*out: permission denied"),
        atomic_output(tmp_path / "out", overwrite=False),
    ):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("swallowed", [False, True])
def test_a_write_that_fails_is_one_line_and_leaves_nothing(tmp_path: Path, swallowed: bool) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with (
            pytest.raises(AudioCodecError, match="cannot write .*: File too large"),
            atomic_output(tmp_path / "out", overwrite=False) as file,
        ):
            try:
                file.write(bytes(100_000))
            except AudioCodecError:
                if not swallowed:
                    raise
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
def test_a_full_disk_is_one_line() -> None:
    with (
        pytest.raises(AudioCodecError, match="cannot write /dev/full: No space left"),
        atomic_output("/dev/full", overwrite=False) as file,
    ):
        file.write(b"x")


def test_a_name_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(AudioCodecError, match="File name too long"),
        atomic_output(tmp_path / ("n" * 300), overwrite=False) as file,
    ):
        file.write(b"x")
    assert names(tmp_path) == []


def test_errors_of_the_block_pass_untouched(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="input.wav"),
        atomic_output(tmp_path / "out", overwrite=False),
    ):
        (tmp_path / "input.wav").read_bytes()


def test_devices_and_pipes_are_written_straight(tmp_path: Path) -> None:
    with atomic_output("/dev/null", overwrite=False) as file:
        file.write(b"x")
    assert Path("/dev/null").is_char_device()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    with atomic_output(pipe, overwrite=False) as file:
        file.write(b"through")
    reader.join()
    assert received == [b"through"]
    assert names(tmp_path) == ["pipe"]
