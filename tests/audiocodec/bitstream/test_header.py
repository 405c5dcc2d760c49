"""The header: every value survives, every absurd one is refused by name."""

import string
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.bitstream.header import MAX_CODEBOOK_SIZE, RANGES, Header
from audiocodec.bitstream.header_bytes import header_from_bytes, header_to_bytes
from audiocodec.bitstream.preamble import build_preamble
from audiocodec.errors import Corrupt, FormatError, UnsupportedVersion

PLAIN = Header(
    sample_rate_hz=24000,
    hop_samples=320,
    codebook_sizes=(1024,) * 8,
    source_sample_rate_hz=24000,
)
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60)
KEYS = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=64)


def numbers(name: str) -> st.SearchStrategy[int]:
    return st.integers(RANGES[name].low, RANGES[name].high)


HEADERS = st.builds(
    Header,
    sample_rate_hz=numbers("sample_rate_hz"),
    hop_samples=numbers("hop_samples"),
    codebook_sizes=st.lists(st.integers(1, MAX_CODEBOOK_SIZE), min_size=1, max_size=64).map(tuple),
    source_sample_rate_hz=numbers("source_sample_rate_hz"),
    channels=numbers("channels"),
    rows=numbers("rows"),
    source_channels=numbers("source_channels"),
    source_samples=st.none() | numbers("source_samples"),
    source_ndim=numbers("source_ndim"),
    model_name=TEXT,
    model_revision=TEXT,
    weights_sha256=st.just("") | st.binary(min_size=32, max_size=32).map(bytes.hex),
    metadata=st.lists(st.tuples(KEYS, TEXT), max_size=4).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(HEADERS)
def test_round_trip(header: Header) -> None:
    assert header_from_bytes(header_to_bytes(header)) == header


def test_a_usual_header_is_small() -> None:
    usual = replace(
        PLAIN,
        source_sample_rate_hz=44100,
        source_samples=441_000,
        rows=2,
        source_channels=2,
        model_name="audiocodec/soundstream-24khz",
        model_revision="1.0.0",
        weights_sha256="0f" * 32,
    )
    assert len(build_preamble(usual)) < 120


@pytest.mark.parametrize("name", [n for n in RANGES if n != "coding"])
def test_numbers_out_of_range_are_refused_by_name(name: str) -> None:
    for value in (RANGES[name].low - 1, RANGES[name].high + 1):
        change: dict[str, Any] = {name: value}
        with pytest.raises(FormatError, match=f"{name} is {value}; expected"):
            replace(PLAIN, **change)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"codebook_sizes": ()}, "0 codebook_sizes; expected 1 to 64"),
        ({"codebook_sizes": (2,) * 65}, "65 codebook_sizes; expected 1 to 64"),
        ({"codebook_sizes": (0,)}, "codebook size is 0"),
        ({"codebook_sizes": (2**24 + 1,)}, "codebook size is 16777217"),
        ({"model_name": "x" * 256}, "model_name takes 256 bytes; expected at most 255"),
        ({"model_name": "\x1b[31m"}, "model_name has control characters"),
        ({"model_revision": "\ud800"}, "model_revision cannot be written as UTF-8"),
        ({"weights_sha256": "ABCD"}, "expected 64 digits of lower-case hex"),
        ({"metadata": (("Title", "x"),)}, "metadata key 'Title'"),
        ({"metadata": (("title", "\x07"),)}, "metadata title has control characters"),
        ({"critical_features": ("b", "a")}, "ascending order"),
        ({"critical_features": ("A",)}, "each 1 to 64 of a-z"),
    ],
)
def test_other_values_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        replace(PLAIN, **change)


def test_more_metadata_than_fits_is_refused() -> None:
    header = replace(PLAIN, metadata=(("comment", "x" * 65_536),))
    with pytest.raises(FormatError, match="shorten the metadata"):
        header_to_bytes(header)


def field(tag: int, value: bytes) -> bytes:
    return bytes([tag, len(value)]) + value


RATE, HOP, SIZES = field(1, b"\x80\x7d"), field(3, b"\x40"), field(4, b"\x02\x10")


def test_unknown_tags_are_skipped() -> None:
    known = header_from_bytes(RATE + HOP + SIZES)
    assert header_from_bytes(RATE + HOP + SIZES + field(99, b"x") + field(255, b"")) == known
    assert known.codebook_sizes == (16, 16)


def test_unknown_critical_features_are_refused_by_name() -> None:
    header = replace(PLAIN, critical_features=("smell", "time-travel"))
    with pytest.raises(UnsupportedVersion, match="'smell', 'time-travel'; update audiocodec"):
        header_from_bytes(header_to_bytes(header))


def test_an_unknown_coding_is_refused_by_number() -> None:
    with pytest.raises(UnsupportedVersion, match="method 7.*update audiocodec"):
        header_from_bytes(header_to_bytes(replace(PLAIN, coding=7)))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "lacks sample_rate_hz"),
        (RATE + SIZES, "lacks hop_samples"),
        (RATE + HOP, "lacks codebook_sizes"),
        (HOP + RATE + SIZES, "tag 1 comes after tag 3"),
        (RATE + RATE + HOP + SIZES, "tag 1 comes after tag 1"),
        (RATE + HOP + field(4, b""), "0 codebook_sizes"),
        (RATE + HOP + field(4, b"\x41\x02"), "number of levels is 65"),
        (RATE + HOP + field(4, b"\x02"), "codebook size takes 1 bytes"),
        (RATE + HOP + SIZES + b"\x05\xff\x7f", "header tag 5 takes 16383 bytes, but only 0"),
        (RATE + HOP + SIZES + field(5, b"\x01\x01"), "rows is followed by 1 bytes"),
        (RATE + HOP + SIZES + field(5, b"\x00"), "rows is 0; expected 1 to 1024"),
        (RATE + HOP + SIZES + field(6, b"\xff"), "not valid.*utf-8"),
        (RATE + HOP + SIZES + field(8, b"short"), "weights_sha256"),
        (RATE + HOP + SIZES + field(15, b"\x01a"), "metadata key 'a' has no value"),
        (RATE + HOP + SIZES + field(15, b"\x01\x1b\x00"), "metadata key"),
        (RATE + HOP + SIZES + field(14, b""), "critical_features"),
    ],
)
def test_malformed_headers_are_corrupt(data: bytes, complaint: str) -> None:
    with pytest.raises(Corrupt, match=complaint):
        header_from_bytes(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_end_in_a_documented_error_or_a_header(data: bytes, plausible: bool) -> None:
    with suppress(Corrupt, UnsupportedVersion):
        header_from_bytes(RATE + HOP + SIZES + data if plausible else data)
