"""Damaged, cut off and forged files: every edit ends in a good file or in one error."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audiocodec.bitstream import Gap, Reader, Writer
from audiocodec.edit import cat_files, cut_file, truncate_file, verify_file
from audiocodec.errors import AudioCodecError, Corrupt

WriteCodes = Callable[..., Path]
Edit = Callable[[bytes, io.BytesIO], object]

EDITS: dict[str, Edit] = {
    "truncate": lambda data, out: truncate_file(io.BytesIO(data), out, levels=1),
    "cut": lambda data, out: cut_file(io.BytesIO(data), out, start_frame=3, end_frame=9),
    "cat": lambda data, out: cat_files([io.BytesIO(data), io.BytesIO(data)], out),
}


def variants(data: bytes) -> list[bytes]:
    """Return every truncation, and one flipped bit in each byte."""
    flipped = [bytearray(data) for _ in data]
    for position, copy in enumerate(flipped):
        copy[position] ^= 1 << position % 8
    return [data[:size] for size in range(len(data))] + [bytes(copy) for copy in flipped]


@pytest.mark.parametrize("name", EDITS)
def test_nothing_but_files_and_errors(write_codes: WriteCodes, name: str) -> None:
    data = write_codes("in.codes", 12).read_bytes()
    done = 0
    for variant in variants(data):
        out = io.BytesIO()
        try:
            EDITS[name](variant, out)
        except AudioCodecError:
            continue
        done += 1
        reasons = [problem.reason for problem in verify_file(io.BytesIO(out.getvalue())).problems]
        # What was lost before is lost now, and that is all.
        assert all("missing" in reason for reason in reasons), reasons
    assert done >= 10


def forged(frames: int, write_codes: WriteCodes, *, samples: int = 1) -> bytes:
    """Return a file of a few bytes that says to have lost `frames` frames."""
    with open(write_codes("in.codes", 1, live=True), "rb") as file:
        header = Reader(file).header
    out = io.BytesIO()
    writer = Writer(out, header)
    writer.skip(frames)
    writer.write(np.zeros((1, 1, 1), np.int32))
    writer.finish(samples)
    return out.getvalue()


def test_an_endless_loss_costs_nothing(write_codes: WriteCodes) -> None:
    data = forged(1 << 39, write_codes)
    out = io.BytesIO()
    truncate_file(io.BytesIO(data), out, levels=1)
    out.seek(0)
    lost = [item.frames for item in Reader(out) if isinstance(item, Gap)]
    assert lost == [1 << 39] and len(out.getvalue()) < 200


def test_more_than_a_file_holds(write_codes: WriteCodes) -> None:
    data = forged((1 << 40) - 2, write_codes)
    one = write_codes("one.codes", 1)
    with pytest.raises(Corrupt, match="a file holds 1099511627776 frames"):
        cat_files([one, one, io.BytesIO(data)], io.BytesIO())
    data = forged(1 << 39, write_codes, samples=1 << 48)
    with pytest.raises(Corrupt, match="a file holds 281474976710656 samples"):
        cat_files([io.BytesIO(data), one], io.BytesIO())
