"""Output files that are there completely or not at all."""

import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from audiocodec.errors import AudioCodecError, OutputExists


@contextmanager
def atomic_output(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` that takes its place when the block succeeds.

    On any exception, KeyboardInterrupt included, the temporary file is removed and whatever was
    at `path` stays as it was. The file can be read, written and seeked; its permissions are those
    of the file that it replaces, else what the umask leaves. A symbolic link stays one: the file
    that it points to is replaced. A device, pipe or socket is written straight: there is nothing
    to replace, and `overwrite` does not matter.

    Raises OutputExists when `path` exists and `overwrite` is False, and AudioCodecError when it
    cannot be written: missing or read-only folder, full disk, `path` is a folder.
    """
    shown = os.fspath(path)
    replaced_mode = _mode(shown)
    if replaced_mode is not None and stat.S_ISDIR(replaced_mode):
        raise AudioCodecError(f"cannot write {shown}: it is a folder; give the name of a file")
    if replaced_mode is not None and not stat.S_ISREG(replaced_mode):
        with _straight_output(shown) as file:
            yield file
        return
    target = Path(os.path.realpath(shown))
    _refuse_existing(target, shown, overwrite)
    temporary, raw = _create_beside(target, shown)
    try:
        yield (file := io.BufferedRandom(raw))
        _finish(file, raw, shown)
        if replaced_mode is not None:
            os.chmod(temporary, stat.S_IMODE(replaced_mode))
        _refuse_existing(target, shown, overwrite)  # it may have appeared meanwhile
        os.replace(temporary, target)
    except BaseException as error:
        _discard(raw, temporary)
        if isinstance(error, OSError) and error.filename == os.fspath(temporary):
            raise _cannot_write(shown, error) from error
        raise


def refuse_existing(path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Raise OutputExists where `atomic_output` would: before work that would be in vain."""
    shown = os.fspath(path)
    mode = _mode(shown)
    if mode is None or stat.S_ISREG(mode):
        _refuse_existing(Path(os.path.realpath(shown)), shown, overwrite)


class _ReportingFile(io.FileIO):
    """A file whose failed writes name the output, and are remembered.

    Remembered because a C library that writes through callbacks may swallow the exception.
    """

    def __init__(self, file: str | int, mode: str, shown: str) -> None:
        super().__init__(file, mode)
        self.failure: AudioCodecError | None = None
        self._shown = shown

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            self.failure = _cannot_write(self._shown, error)
            raise self.failure from error


@contextmanager
def _straight_output(shown: str) -> Iterator[IO[bytes]]:
    try:
        raw = _ReportingFile(shown, "wb", shown)
    except OSError as error:
        raise _cannot_write(shown, error) from error
    try:
        yield (file := io.BufferedWriter(raw))
        _finish(file, raw, shown)
    except BaseException:
        _close_quietly(raw)
        raise


def _create_beside(target: Path, shown: str) -> tuple[Path, _ReportingFile]:
    # Truncated, so that the longest name that the file system takes still leaves room.
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        # 0o666 less the umask, as for any new file; tempfile would give 0o600.
        descriptor = os.open(temporary, flags, 0o666)
    except OSError as error:
        raise _cannot_write(shown, error) from error
    return temporary, _ReportingFile(descriptor, "r+b", shown)


def _finish(file: io.BufferedIOBase, raw: _ReportingFile, shown: str) -> None:
    try:
        if not file.closed:
            file.close()
    except OSError as error:
        raise _cannot_write(shown, error) from error
    if raw.failure is not None:
        raise raw.failure


def _discard(raw: _ReportingFile, temporary: Path) -> None:
    _close_quietly(raw)
    with suppress(OSError):
        temporary.unlink()


def _close_quietly(raw: _ReportingFile) -> None:
    # Straight to the descriptor: closing the buffer would try to write what is left in it.
    with suppress(OSError):
        raw.close()


def _mode(shown: str) -> int | None:
    try:
        return os.stat(shown).st_mode
    except OSError:
        return None  # absent, or out of reach: creating the file will say which


def _refuse_existing(target: Path, shown: str, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(target):
        raise OutputExists(
            f"{shown} exists already; pass -f (overwrite=True in Python) to replace it"
        )


def _cannot_write(shown: str, error: OSError) -> AudioCodecError:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            folder = os.path.dirname(shown) or "."
            reason = f"there is no folder {folder}; create it first"
        case PermissionError():
            reason = "permission denied; choose a place that you may write to"
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            reason = f"{error.strerror}; free some space or choose another place"
        case _:
            reason = f"{error.strerror or error}; choose another place"
    return AudioCodecError(f"cannot write {shown}: {reason}")
