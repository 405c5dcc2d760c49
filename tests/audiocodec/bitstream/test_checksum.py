"""CRC-32C against its published check value and against the definition, bit by bit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream.checksum import crc32c


def bit_by_bit(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def test_the_published_values() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(bytes(range(32))) == 0x46DD794E  # RFC 3720, B.4


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 511, 512, 513, 514, 515, 516, 1024, 1500])
def test_every_way_that_a_block_can_end(size: int) -> None:
    data = bytes((i * 37 + 11) % 256 for i in range(size))
    assert crc32c(data) == bit_by_bit(data)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=1200))
def test_any_bytes(data: bytes) -> None:
    assert crc32c(data) == crc32c(bytearray(data)) == crc32c(memoryview(data)) == bit_by_bit(data)
