"""The header of a `.codes` file as a value: what a decoder must know before the first chunk."""

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

from audiocodec.errors import FormatError

from .bits import bits_for

MAX_LEVELS = 64
MAX_CODEBOOK_SIZE = 1 << 24
MAX_NAME_BYTES = 255
MAX_STRIDE = 1 << 10
_FEATURE = re.compile(r"[a-z0-9-]{1,64}")
_KEY = re.compile(r"[a-z0-9_]{1,64}")
_DIGEST = re.compile(r"(?:[0-9a-f]{64})?")
_TABLES = re.compile(r"(?:[0-9a-f]{16})?")


class Span(NamedTuple):
    """Smallest and largest value allowed, both included."""

    low: int
    high: int


RANGES = {
    "sample_rate_hz": Span(1, 10_000_000),
    "channels": Span(1, 256),
    "hop_samples": Span(1, 1 << 20),
    "rows": Span(1, 1024),
    "source_sample_rate_hz": Span(1, 10_000_000),
    "source_channels": Span(1, 1024),
    "source_samples": Span(0, 1 << 48),
    "source_ndim": Span(1, 3),
    "coding": Span(0, (1 << 56) - 1),
    "segment_frames": Span(0, 0xFFFF),
    "segment_samples": Span(0, 1 << 36),
    "layer_levels": Span(1, MAX_LEVELS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Which codec made the codes, from what; format.md, section 4.

    sample_rate_hz, channels, hop_samples, codebook_sizes: the codec's grid; sizes per level.
    rows: R, runs of the network: batch x channels for a mono codec.
    source_sample_rate_hz, source_channels, source_ndim: the sound that was encoded.
    source_samples: its length at its own rate; None while that is unknown, as in a live stream.
    model_name, model_revision: what `load` takes; "" when unknown.
    weights_sha256: 64 hex digits; "" when unknown.
    coding: how payloads are coded; 0 is packed bits, 1 entropy coding.
    entropy_tables: what entropy coding needs beside the file: 16 hex digits, "" for nothing.
    level_strides: frames that one code of each level stands for; () when it is 1 for all.
    segment_frames: frames that share a scale, a float32 for each row; 0 when there are no scales.
    segment_samples: samples at the codec's rate from one segment to the next, which overlap when
        they are fewer than its frames stand for; 0 without segments.
    layer_levels: levels under one checksum.
    critical_features: names of what a reader must understand to decode the file.
    metadata: pairs of key and value, such as ("title", "..."); a key may come more than once.

    Raises FormatError when a value is outside of what the format can hold.
    """

    sample_rate_hz: int
    hop_samples: int
    codebook_sizes: tuple[int, ...]
    source_sample_rate_hz: int
    channels: int = 1
    rows: int = 1
    source_channels: int = 1
    source_samples: int | None = None
    source_ndim: int = 2
    model_name: str = ""
    model_revision: str = ""
    weights_sha256: str = ""
    coding: int = 0
    entropy_tables: str = ""
    level_strides: tuple[int, ...] = ()
    segment_frames: int = 0
    segment_samples: int = 0
    layer_levels: int = 4
    critical_features: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in RANGES:
            self._check_number(name)
        self._check_sizes()
        _check_text("model_name", self.model_name, MAX_NAME_BYTES)
        _check_text("model_revision", self.model_revision, MAX_NAME_BYTES)
        if not _DIGEST.fullmatch(self.weights_sha256):
            raise FormatError(
                f"weights_sha256 is {self.weights_sha256!r}; expected 64 digits of lower-case hex, "
                f"or '' when unknown"
            )
        if not _TABLES.fullmatch(self.entropy_tables):
            raise FormatError(
                f"entropy_tables is {self.entropy_tables!r}; expected 16 digits of lower-case hex"
            )
        self._check_strides()
        self._check_features()
        for key, value in self.metadata:
            if not _KEY.fullmatch(key):
                raise FormatError(f"metadata key {key!r}: expected 1 to 64 of a-z, 0-9 and _")
            _check_text(f"metadata {key}", value, None, allowed="\t\n")

    @property
    def levels(self) -> int:
        """Number of levels K of the codec; a chunk may hold fewer."""
        return len(self.codebook_sizes)

    @property
    def bits_per_level(self) -> tuple[int, ...]:
        """Bits that one packed code of each level takes."""
        return tuple(bits_for(size) for size in self.codebook_sizes)

    @property
    def strides(self) -> tuple[int, ...]:
        """Frames that one code of each level stands for."""
        return self.level_strides or (1,) * self.levels

    @property
    def grain_frames(self) -> int:
        """Frames that no border of chunks may divide, at the end of the codes."""
        return math.lcm(*self.strides)

    @property
    def border_frames(self) -> int:
        """Chunks begin at multiples of this many frames: of all strides, and of a segment."""
        return math.lcm(self.grain_frames, self.segment_frames or 1)

    def segments_of(self, frames: int) -> int:
        """Return how many scales for each row a chunk of `frames` frames carries."""
        return -(-frames // self.segment_frames) if self.segment_frames else 0

    def coded_samples(self, frames: int) -> int:
        """Return how many samples at the codec's rate lie before frame `frames`."""
        if not self.segment_frames:
            return frames * self.hop_samples
        whole, rest = divmod(frames, self.segment_frames)
        return whole * self.segment_samples + min(rest * self.hop_samples, self.segment_samples)

    def samples_of(self, frames: int) -> int:
        """Return how many samples of the source, at its own rate, `frames` frames stand for."""
        return self.coded_samples(frames) * self.source_sample_rate_hz // self.sample_rate_hz

    def _check_number(self, name: str) -> None:
        value, span = getattr(self, name), RANGES[name]
        if name == "source_samples" and value is None:
            return
        if not isinstance(value, int) or not span.low <= value <= span.high:
            raise FormatError(f"{name} is {value}; expected {span.low} to {span.high}")

    def _check_sizes(self) -> None:
        if not 1 <= self.levels <= MAX_LEVELS:
            raise FormatError(f"{self.levels} codebook_sizes; expected 1 to {MAX_LEVELS}")
        for size in self.codebook_sizes:
            if not 1 <= size <= MAX_CODEBOOK_SIZE:
                raise FormatError(f"codebook size is {size}; expected 1 to {MAX_CODEBOOK_SIZE}")

    def _check_strides(self) -> None:
        strides = self.level_strides
        longest = self.segment_frames * self.hop_samples
        if (
            bool(self.segment_frames) != bool(self.segment_samples)
            or self.segment_samples > longest
        ):
            raise FormatError(
                f"segment_samples is {self.segment_samples}; expected 1 to {longest}, 0 for no "
                f"segments"
            )
        if not strides:
            return
        if len(strides) != self.levels:
            raise FormatError(f"{len(strides)} level_strides for {self.levels} levels")
        if not all(1 <= stride <= MAX_STRIDE for stride in strides):
            raise FormatError(f"level_strides are {strides}; expected 1 to {MAX_STRIDE} each")
        if self.grain_frames > MAX_STRIDE:
            raise FormatError(
                f"level_strides are {strides}; expected a least common multiple of at most "
                f"{MAX_STRIDE}"
            )

    def _check_features(self) -> None:
        names = self.critical_features
        if list(names) != sorted(set(names)) or not all(map(_FEATURE.fullmatch, names)):
            raise FormatError(
                f"critical_features are {names!r}; expected different names in ascending order, "
                f"each 1 to 64 of a-z, 0-9 and -"
            )


def _check_text(what: str, text: str, most: int | None, allowed: str = "") -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise FormatError(f"{what} cannot be written as UTF-8: {text!r}") from None
    if most is not None and size > most:
        raise FormatError(f"{what} takes {size} bytes; expected at most {most}")
    # Control characters in a file could steer the terminal that shows them.
    if any(unicodedata.category(c) == "Cc" and c not in allowed for c in text):
        raise FormatError(f"{what} has control characters: {text!r}")
