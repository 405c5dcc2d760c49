"""Whole files are OK; of others, verify says what is wrong and where."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from audiocodec.edit import Problem, verify_file
from audiocodec.errors import AudioCodecError

WriteCodes = Callable[..., Path]


def test_whole_files(write_codes: WriteCodes) -> None:
    for path in (write_codes("a.codes", 130, live=True), write_codes("empty.codes", 0)):
        found = verify_file(path)
        assert found.ok and found.problems == ()
        assert found.summary == verify_file(io.BytesIO(path.read_bytes())).summary
    found = verify_file(path.with_name("a.codes"))
    assert found.summary is not None
    assert (found.summary.frames, found.summary.chunks, found.summary.levels) == (130, 3, 3)


def test_every_byte_counts(write_codes: WriteCodes) -> None:
    data = write_codes("a.codes", 12).read_bytes()
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 0x10
        assert not verify_file(io.BytesIO(flipped)).ok, position
    for size in range(len(data)):
        assert not verify_file(io.BytesIO(data[:size])).ok, size
    assert not verify_file(io.BytesIO(data + b"x")).ok


def test_where(write_codes: WriteCodes, damage: Callable[[Path], Path]) -> None:
    (problem,) = verify_file(damage(write_codes("bad.codes", 250))).problems
    assert (problem.start_s, problem.end_s) == (2.0, 3.0)
    assert problem.reason.startswith("the checksum of the record at byte ")


def test_without_its_end(write_codes: WriteCodes) -> None:
    path = write_codes("live.codes", 250, live=True)
    whole = path.read_bytes()
    end = whole.rindex(b"\xd5T")
    path.write_bytes(whole[:end])  # as of a writer that was killed between two chunks
    reason = "it has no trailer: it is live or was cut off"
    assert verify_file(path).problems == (Problem(5.0, 5.0, reason),)
    path.write_bytes(whole[: end - 20])
    (problem,) = verify_file(path).problems
    assert (problem.start_s, problem.end_s) == (4.0, 4.0)
    assert problem.reason.startswith("the file ends in the middle of the record")


def test_a_length_that_cannot_be(write_codes: WriteCodes, tmp_path: Path) -> None:
    path = write_codes("long.codes", 10, samples=9601)
    (problem,) = verify_file(path).problems
    assert "said to have 9601 samples, but its 10 frames stand for 9600" in problem.reason


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "sound.codes").write_bytes(b"RIFF" * 100)
    found = verify_file(tmp_path / "sound.codes")
    assert (found.ok, found.summary) == (False, None)
    assert found.problems[0].reason.startswith("this is not a .codes file")
    with pytest.raises(AudioCodecError, match="there is no such file"):
        verify_file(tmp_path / "nosuch.codes")
