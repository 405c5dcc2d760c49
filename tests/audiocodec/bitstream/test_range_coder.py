"""The range coder gives back what it was given, in as few bytes as the chances allow."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream.range_coder import TOTAL, RangeDecoder, RangeEncoder


@st.composite
def shares(draw: st.DrawFn) -> list[int]:
    """Where the share of each code begins."""
    inner = draw(st.sets(st.integers(1, TOTAL - 1), max_size=40))
    edges = draw(st.sets(st.sampled_from([1, 2, TOTAL - 2, TOTAL - 1]), max_size=4))
    return [0, *sorted(inner | edges)]


@settings(max_examples=300, deadline=None)
@given(shares(), st.lists(st.integers(0, 10**6), max_size=200))
def test_codes_come_back_in_few_bytes(starts: list[int], numbers: list[int]) -> None:
    ends = [*starts[1:], TOTAL]
    codes = [number % len(starts) for number in numbers]
    encoder = RangeEncoder()
    for code in codes:
        encoder.push(starts[code], ends[code] - starts[code])
    data = encoder.flush()
    decoder = RangeDecoder(data)
    assert [decoder.pull(starts) for _ in codes] == codes
    bits = -sum(math.log2((ends[code] - starts[code]) / TOTAL) for code in codes)
    assert 8 * len(data) <= bits + 9, "at most a byte and a bit more than the chances ask for"


def test_carries_run_back_over_many_bytes() -> None:
    encoder = RangeEncoder()
    # Just below a border for a long time, then over it.
    starts = [0, TOTAL - 1]
    codes = [1] * 40 + [0, 1] * 20
    for code in codes:
        encoder.push(starts[code], 1 if code else TOTAL - 1)
    decoder = RangeDecoder(encoder.flush())
    assert [decoder.pull(starts) for _ in codes] == codes


@given(st.binary(max_size=60), shares())
def test_any_bytes_give_codes(data: bytes, starts: list[int]) -> None:
    decoder = RangeDecoder(data)
    assert all(0 <= decoder.pull(starts) < len(starts) for _ in range(100))


def test_the_bytes_are_those_that_the_page_says() -> None:
    encoder = RangeEncoder()
    for start, size in ((0, TOTAL // 2), (TOTAL // 2, TOTAL // 4), (TOTAL * 3 // 4, TOTAL // 4)):
        encoder.push(start, size)
    # 0.0 + 1/2 * (1/2 + 1/4 * 3/4) = 0.01011 in binary
    assert encoder.flush() == bytes([0b01011000])
    assert RangeEncoder().flush() == b""
