"""Numbers of variable length have one spelling, and limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodec.bitstream.varint import Cursor, varint
from audiocodec.errors import Corrupt

MOST = 2**56 - 1


@given(st.integers(0, MOST))
def test_round_trip(value: int) -> None:
    encoded = varint(value)
    assert len(encoded) == max(1, -(-value.bit_length() // 7))
    cursor = Cursor(encoded + b"rest")
    assert cursor.varint("number", 0, MOST) == value
    assert cursor.left == 4


@pytest.mark.parametrize("value", [-1, MOST + 1])
def test_what_does_not_fit(value: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        varint(value)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "takes 1 bytes, but only 0 are left"),
        (b"\x80", "takes 1 bytes, but only 0 are left"),
        (b"\x80\x00", "not in its shortest form"),
        (b"\xff" * 8 + b"\x01", "does not end within 8 bytes"),
        (b"\x0b", "number is 11; expected 3 to 10"),
        (b"\x02", "number is 2; expected 3 to 10"),
    ],
)
def test_what_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(Corrupt, match=complaint):
        Cursor(data).varint("number", 3, 10)
