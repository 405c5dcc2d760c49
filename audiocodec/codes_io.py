"""`.codes` files and streams, opened and created so that every failure names the place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO, cast

from audiocodec.atomic import atomic_output
from audiocodec.audio.limits import PathLike, stream_name
from audiocodec.errors import AudioCodecError, FormatError


@contextmanager
def open_codes(source: PathLike | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file for reading, or take a stream, which stays open.

    Raises AudioCodecError, also from read(), when it cannot be read; a FormatError that is
    raised in the block is raised again with the name in front.
    """
    path = os.fspath(source) if isinstance(source, (str, os.PathLike)) else None
    name = path if path is not None else stream_name(cast(BinaryIO, source))
    with _open(path) if path is not None else nullcontext(cast(BinaryIO, source)) as file:
        try:
            yield cast(BinaryIO, _Readable(file, name))
        except FormatError as error:
            raise type(error)(f"{name}: {error}") from error


@contextmanager
def create_codes(target: PathLike | BinaryIO, *, overwrite: bool) -> Iterator["CountingFile"]:
    """Open a file that appears completely or not at all, or take a stream, which stays open.

    Raises OutputExists, and AudioCodecError when it cannot be written.
    """
    if isinstance(target, (str, os.PathLike)):
        with atomic_output(target, overwrite=overwrite) as file:
            yield CountingFile(cast(BinaryIO, file), os.fspath(target))
    else:
        yield CountingFile(target, stream_name(target))


def refuse_same(source: PathLike | BinaryIO, target: PathLike | BinaryIO) -> None:
    """Raise AudioCodecError where the output would replace the input."""
    if not isinstance(source, (str, os.PathLike)) or not isinstance(target, (str, os.PathLike)):
        return
    if os.path.isfile(source) and os.path.exists(target) and os.path.samefile(source, target):
        raise AudioCodecError(
            f"{os.fspath(target)} is the input itself; give the output another name"
        )


class CountingFile:
    """What a `Writer` writes to.

    bytes_written: so far.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.bytes_written = 0
        self._file, self._name = file, name

    def write(self, data: bytes) -> int:
        """Write what the file takes of data; return how much that was."""
        try:
            written = self._file.write(data)
        except OSError as error:
            raise self._cannot_write(error) from error
        self.bytes_written += written or 0
        return written

    def flush(self) -> None:
        """Let go of everything that was written, for a reader at the other end."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: OSError) -> AudioCodecError:
        return AudioCodecError(
            f"cannot write {self._name}: {error.strerror or error}; "
            f"make room or choose another place"
        )


class _Readable:
    """A binary file, as far as a `Reader` needs one."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self.tell = file.tell
        self.seek = file.seek
        self.seekable = file.seekable

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise _cannot_read(self._name, error) from error


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise _cannot_read(path, error) from error
    except ValueError as error:  # a null character in the path
        raise AudioCodecError(f"cannot read {path!r}: {error}; check the path") from error


def _cannot_read(name: str, error: OSError) -> AudioCodecError:
    match error:
        case FileNotFoundError():
            what = "there is no such file; check the path"
        case IsADirectoryError():
            what = "expected a .codes file, but it is a folder; name the files in it"
        case PermissionError():
            what = "permission denied; make it readable first"
        case _:
            what = f"{error.strerror or error}; check the path and the device that it is on"
    return AudioCodecError(f"cannot read {name}: {what}")
