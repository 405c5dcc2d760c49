"""The part of a stream that is being looked at: reading ahead, and back never."""

import os
from typing import BinaryIO

from audiocodec.errors import Corrupt

_READ_AHEAD = 1 << 16
_EFFORT_A_BYTE, _FREE_EFFORT = 8, 1 << 22


class Forged(Corrupt):
    """The file is made so that reading it takes longer than a damaged one ever would."""


class Window:
    """Bytes of `file` from some position on; it holds what was asked for and little more."""

    def __init__(self, file: BinaryIO, position: int = 0) -> None:
        self._file = file
        # What is there at once, if the file can say; otherwise exactly what is needed, so that
        # reading a live stream never waits for bytes that are not yet due.
        self._read_some = getattr(file, "read1", None)
        seekable = getattr(file, "seekable", None)
        self._seek = file.seek if seekable is not None and seekable() else None
        self.restart(position)

    def restart(self, position: int) -> None:
        """Forget everything: the file now stands at `position`."""
        self.bytes = bytearray()
        self.position = position
        self._ended = False
        self._effort = 0

    def has(self, count: int) -> bool:
        """Return whether at least `count` bytes are there, reading on as needed."""
        while len(self.bytes) < count and not self._ended:
            missing = count - len(self.bytes)
            if self._read_some is not None:
                more = self._read_some(max(missing, _READ_AHEAD))
            else:
                more = self._file.read(missing)
            self._ended = not more
            self.bytes += more or b""
        return len(self.bytes) >= count

    def skip(self, count: int) -> None:
        """Leave the next `count` bytes, which must be there, behind."""
        del self.bytes[:count]
        self.position += count

    def leave(self, count: int) -> None:
        """Leave the next `count` bytes behind, read or not, there or not; seek where possible."""
        unread = count - len(self.bytes)
        if unread > 0 and self._seek is not None and not self._ended:
            self._seek(unread, os.SEEK_CUR)
            self.bytes.clear()
            self.position += count
            return
        if unread > 0:
            self.has(count)
        self.skip(min(count, len(self.bytes)))

    def skip_to(self, byte: int) -> bool:
        """Go to the next `byte`, at this place or after it; return False when there is none."""
        while self.has(1):
            found = self.bytes.find(byte)
            if found >= 0:
                self.skip(found)
                return True
            self.skip(len(self.bytes))
        return False

    def spend(self, count: int) -> None:
        """Account for `count` bytes that are checked here; raises Forged when it is too much.

        Every false marker costs a checksum over as many bytes as it claims: without this bound,
        a file of nothing but markers takes quadratic time.
        """
        self._effort += count
        if self._effort > _EFFORT_A_BYTE * (self.position + len(self.bytes)) + _FREE_EFFORT:
            raise Forged("the file holds too many false records; it is not what a writer made")
