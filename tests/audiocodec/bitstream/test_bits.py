"""Fixed-width packing, against the definition and against its inverse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream.bits import bits_for, pack, packed_bytes, unpack


@pytest.mark.parametrize(
    ("size", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (1000, 10), (1024, 10), (1025, 11)]
)
def test_bits_of_a_codebook(size: int, bits: int) -> None:
    assert bits_for(size) == bits


def test_most_significant_bit_first() -> None:
    assert pack(np.array([0b101, 0b011, 0b110], np.int32), 3) == bytes([0b10101111, 0b00000000])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 24), st.data())
def test_packing_is_the_definition_and_unpacks(width: int, data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(0, 2**width - 1), max_size=50))
    text = "".join(format(code, f"0{width}b") for code in codes)
    text += "0" * (-len(text) % 8)
    expected = bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
    packed = pack(np.array(codes, np.int32), width)
    assert packed == expected
    assert len(packed) == packed_bytes(len(codes), width)
    unpacked = unpack(packed, len(codes), width)
    assert unpacked.dtype == np.int32
    assert unpacked.tolist() == codes


@pytest.mark.parametrize("width", [1, 7, 10, 24])
def test_more_codes_than_are_handled_at_once(width: int) -> None:
    codes = (np.arange(40_001) * 7919 % 2**width).astype(np.int32)
    packed = pack(codes, width)
    assert len(packed) == packed_bytes(len(codes), width)
    assert np.array_equal(unpack(packed, len(codes), width), codes)
