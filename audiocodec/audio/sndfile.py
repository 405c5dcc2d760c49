"""What it takes to use libsndfile for streams and long files: the only place that opens it."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import soundfile

_PRETENDED_BYTES = 1 << 40
_stderr_lock = threading.Lock()


class SequentialSoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A SoundFile that is read or written from front to back only.

    SoundFile seeks after every block to where it is already. For MP3 that throws away the
    decoder's overlap with the frame before, and every block begins with wrong samples.
    """

    def seekable(self) -> bool:
        """Return False, so that no block is followed by a seek."""
        return False


class Port:
    """A binary stream as libsndfile's callbacks want it.

    The callbacks are called from C, through which no exception can travel: it would be printed
    and forgotten. So the first one is kept and `check` raises it afterwards; from then on
    the stream is left alone.

    endless: pretend that the stream goes on for ever. For MP3 without an index of its length
        libsndfile guesses the number of samples from the size, and reads no further.
    """

    def __init__(self, stream: BinaryIO, *, endless: bool = False) -> None:
        self._stream = stream
        self._start = stream.tell()
        self._endless = endless
        self._at_end = False
        self._failure: BaseException | None = None

    def check(self) -> None:
        """Raise what went wrong in a callback."""
        if self._failure is not None:
            raise self._failure

    def cut(self) -> None:
        """Let nothing more through: closing libsndfile after a failure writes nothing."""
        self._failure = self._failure or EOFError()

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` as far as the stream goes."""
        try:
            self.check()
            data = self._stream.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)
        except BaseException as error:
            return self._keep(error)

    def write(self, data: bytes) -> int:
        """Write all of `data`."""
        try:
            self.check()
            write_all(self._stream, data)
            return len(data)
        except BaseException as error:
            return self._keep(error)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, relative to where the stream stood at first."""
        try:
            self.check()
            self._at_end = self._endless and whence == os.SEEK_END
            if not self._at_end:
                base = self._start if whence == os.SEEK_SET else 0
                self._stream.seek(base + offset, whence)
            return self.tell()
        except BaseException as error:
            return self._keep(error)

    def tell(self) -> int:
        """Return the position relative to where the stream stood at first."""
        try:
            self.check()
            return _PRETENDED_BYTES if self._at_end else self._stream.tell() - self._start
        except BaseException as error:
            return self._keep(error)

    def _keep(self, error: BaseException) -> int:
        self._failure = self._failure or error
        return 0


def write_all(stream: BinaryIO, data: bytes) -> None:
    """Write `data` to a stream that may be unbuffered and take less at a time."""
    rest = memoryview(data)
    while rest:
        written = stream.write(rest)
        rest = rest[len(rest) if written is None else written :]


def reason(error: soundfile.SoundFileError) -> str:
    """Return what libsndfile said, as the middle of a line of ours."""
    text = getattr(error, "error_string", None) or str(error)
    return re.sub(r"^Error\s*:\s*", "", str(text)).strip().rstrip(".")


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Send what C code prints to stderr nowhere.

    libsndfile's MP3 decoder prints warnings, and there is no way to ask it not to. The
    descriptor belongs to the whole process, so this is held for one call at a time, and by one
    thread.
    """
    with _stderr_lock:
        try:
            kept = os.dup(2)
        except OSError:  # the process has no stderr
            kept = None
        if kept is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        try:
            yield
        finally:
            if kept is not None:
                os.dup2(kept, 2)
                os.close(kept)
