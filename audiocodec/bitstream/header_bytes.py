"""The header as bytes: fields of tag, length and value; format.md, section 4."""

from itertools import groupby
from typing import Any

from audiocodec.errors import Corrupt, FormatError, UnsupportedVersion

from .header import MAX_CODEBOOK_SIZE, MAX_LEVELS, MAX_STRIDE, RANGES, Header
from .varint import Cursor, varint

MAX_HEADER_BYTES = 0xFFFF
PACKED, ENTROPY = 0, 1
KNOWN_CODINGS = (PACKED, ENTROPY)
KNOWN_FEATURES: frozenset[str] = frozenset()

_NUMBERS = {
    1: "sample_rate_hz",
    2: "channels",
    3: "hop_samples",
    5: "rows",
    9: "source_sample_rate_hz",
    10: "source_channels",
    11: "source_samples",
    12: "source_ndim",
    13: "coding",
    18: "segment_frames",
    19: "layer_levels",
    20: "segment_samples",
}
_SIZES, _NAME, _REVISION, _DIGEST, _FEATURES, _METADATA = 4, 6, 7, 8, 14, 15
_TABLES, _STRIDES = 16, 17
_REQUIRED = {1: "sample_rate_hz", 3: "hop_samples", _SIZES: "codebook_sizes"}
_ABSENT = {
    "channels": 1,
    "rows": 1,
    "source_channels": 1,
    "source_samples": None,
    "source_ndim": 2,
    "coding": PACKED,
    "segment_frames": 0,
    "segment_samples": 0,
    "layer_levels": 4,
}


def header_to_bytes(header: Header) -> bytes:
    """Return the one spelling of `header`.

    Raises FormatError when its texts do not fit into 64 KiB.
    """
    absent = {**_ABSENT, "source_sample_rate_hz": header.sample_rate_hz}
    values = {_SIZES: _runs_to_bytes(header.codebook_sizes)}
    for tag, name in _NUMBERS.items():
        value = getattr(header, name)
        if name not in absent or value != absent[name]:
            values[tag] = varint(value)
    texts = {
        _NAME: header.model_name.encode(),
        _REVISION: header.model_revision.encode(),
        _DIGEST: bytes.fromhex(header.weights_sha256),
        _FEATURES: " ".join(header.critical_features).encode(),
        _TABLES: bytes.fromhex(header.entropy_tables),
        _STRIDES: _runs_to_bytes(header.level_strides) if header.grain_frames > 1 else b"",
        _METADATA: b"".join(_sized(t.encode()) for pair in header.metadata for t in pair),
    }
    values |= {tag: text for tag, text in texts.items() if text}
    encoded = b"".join(bytes([tag]) + _sized(values[tag]) for tag in sorted(values))
    if len(encoded) > MAX_HEADER_BYTES:
        raise FormatError(
            f"the header takes {len(encoded)} bytes, but at most {MAX_HEADER_BYTES} fit; "
            f"shorten the metadata"
        )
    return encoded


def header_from_bytes(data: bytes) -> Header:
    """Return the header that `data` holds; unknown tags are skipped.

    Raises UnsupportedVersion for an unknown critical feature or coding, Corrupt for anything
    that the format does not allow.
    """
    fields = _split(data)
    _refuse_unknown_features(fields)
    for tag, name in _REQUIRED.items():
        if tag not in fields:
            raise Corrupt(f"the header lacks {name} (tag {tag}); encode the sound again")
    try:
        return Header(**_values(fields))
    except (Corrupt, UnsupportedVersion):
        raise
    except (FormatError, UnicodeDecodeError) as error:
        raise Corrupt(f"the header is not valid: {error}") from error


def _split(data: bytes) -> dict[int, bytes]:
    cursor, fields, last = Cursor(data), dict[int, bytes](), 0
    while cursor.left:
        tag = cursor.take(1, "header tag")[0]
        if tag <= last:
            raise Corrupt(f"header tag {tag} comes after tag {last}; expected ascending tags")
        last = tag
        size = cursor.varint(f"length of header tag {tag}", 0, MAX_HEADER_BYTES)
        fields[tag] = cursor.take(size, f"header tag {tag}")
    return fields


def _refuse_unknown_features(fields: dict[int, bytes]) -> None:
    names = fields.get(_FEATURES, b"").decode("ascii", "replace").split(" ")
    unknown = [name for name in names if name and name not in KNOWN_FEATURES]
    if unknown:
        raise UnsupportedVersion(
            f"the file needs features that this program does not know: "
            f"{', '.join(map(ascii, unknown))}; update audiocodec to read it"
        )


def _values(fields: dict[int, bytes]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for tag, name in _NUMBERS.items():
        if tag in fields:
            values[name] = _number(fields[tag], name)
    values.setdefault("source_sample_rate_hz", values["sample_rate_hz"])
    values["codebook_sizes"] = _runs_from_bytes(fields[_SIZES], "codebook size", MAX_CODEBOOK_SIZE)
    if _STRIDES in fields:
        values["level_strides"] = _runs_from_bytes(fields[_STRIDES], "stride", MAX_STRIDE)
    values["model_name"] = fields.get(_NAME, b"").decode()
    values["model_revision"] = fields.get(_REVISION, b"").decode()
    values["weights_sha256"] = fields.get(_DIGEST, b"").hex()
    values["entropy_tables"] = fields.get(_TABLES, b"").hex()
    values["metadata"] = _metadata_from_bytes(fields.get(_METADATA, b""))
    if _FEATURES in fields:
        values["critical_features"] = tuple(fields[_FEATURES].decode().split(" "))
    if values.get("coding", 0) not in KNOWN_CODINGS:
        raise UnsupportedVersion(
            f"the file is coded with method {values['coding']}, which this program does not know; "
            f"update audiocodec to read it"
        )
    return values


def _number(data: bytes, name: str) -> int:
    cursor = Cursor(data)
    value = cursor.varint(name, *RANGES[name])
    if cursor.left:
        raise Corrupt(f"{name} is followed by {cursor.left} bytes too many")
    return value


def _runs_to_bytes(numbers: tuple[int, ...]) -> bytes:
    runs = ((len(list(run)), number) for number, run in groupby(numbers))
    return b"".join(varint(count) + varint(number) for count, number in runs)


def _runs_from_bytes(data: bytes, what: str, most: int) -> tuple[int, ...]:
    cursor, numbers = Cursor(data), list[int]()
    while cursor.left:
        count = cursor.varint("number of levels", 1, MAX_LEVELS - len(numbers))
        numbers += [cursor.varint(what, 1, most)] * count
    return tuple(numbers)


def _metadata_from_bytes(data: bytes) -> tuple[tuple[str, str], ...]:
    cursor, texts = Cursor(data), list[str]()
    while cursor.left:
        size = cursor.varint("length of metadata", 0, MAX_HEADER_BYTES)
        texts.append(cursor.take(size, "metadata").decode())
    if len(texts) % 2:
        raise Corrupt(f"metadata key {texts[-1]!r} has no value")
    return tuple(zip(texts[::2], texts[1::2], strict=True))


def _sized(data: bytes) -> bytes:
    return varint(len(data)) + data
