"""The facts about a .codes file, found without torch."""

from dataclasses import dataclass
from typing import Any, BinaryIO

from audiocodec.bitstream import Summary, summary
from audiocodec.bitstream.preamble import VERSION
from audiocodec.errors import FormatError
from audiocodec.packing import spec_of

from .units import count, kbps, seconds, size

_GAPS_SHOWN = 5


def about_file(name: str, file: BinaryIO) -> "FileFacts":
    """Read `file` to its end. Raises FormatError when it has no usable header."""
    try:
        return FileFacts(name, summary(file))
    except FormatError as error:
        raise type(error)(f"{name}: {error}") from error


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A .codes file, as lines for people and as JSON for programs."""

    name: str
    found: Summary

    @property
    def complete(self) -> bool:
        """Whether nothing is damaged and the end is there."""
        return self.found.has_trailer and not self.found.gaps

    @property
    def nominal_bps(self) -> float:
        """Bit rate of the codes alone, all rows counted."""
        if self.found.levels == 0:
            return 0.0
        return self.found.header.rows * spec_of(self.found.header).bitrate_bps(self.found.levels)

    @property
    def real_bps(self) -> float | None:
        """Bit rate of the whole file; None for a sound without samples."""
        duration_s = self.found.duration_s
        return self.found.file_bytes * 8 / duration_s if duration_s else None

    def lines(self) -> list[str]:
        """Return the facts as lines of text."""
        found, header = self.found, self.found.header
        grid = spec_of(header)
        weights = header.weights_sha256[:12] or "unknown"
        revision = f"@{header.model_revision}" if header.model_revision else ""
        sizes = sorted(set(header.codebook_sizes))
        entries = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        rates = f"{kbps(self.nominal_bps)} nominal"
        if header.rows > 1:
            row = "channel" if header.rows == header.source_channels else "row"
            rates += f" ({kbps(self.nominal_bps / header.rows)} a {row})"
        if self.real_bps is not None:
            rates += f", {kbps(self.real_bps)} with headers and checksums"
        return [
            f"{self.name}: .codes version {VERSION}, {self._state()}",
            *self._damage(),
            f"  model     {header.model_name or 'unknown'}{revision}, weights {weights}",
            f"  sound     {seconds(found.duration_s)}, {header.source_sample_rate_hz} Hz, "
            f"{count(header.source_channels, 'channel')}, {found.source_samples} samples",
            f"  levels    {found.levels} of {header.levels}, {entries} entries each",
            f"  grid      {header.sample_rate_hz} Hz, hop {header.hop_samples} samples, "
            f"{grid.frame_rate_hz:g} frames a second, {found.frames} frames",
            f"  bit rate  {rates}",
            *self._coding(),
            f"  file      {size(found.file_bytes)} in {count(found.chunks, 'chunk')}, "
            f"{'with' if found.has_trailer else 'without'} trailer",
            *(f"  {key:8}  {value}" for key, value in header.metadata),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        found, header = self.found, self.found.header
        return {
            "kind": "codes",
            "name": self.name,
            "format_version": VERSION,
            "complete": self.complete,
            "has_trailer": found.has_trailer,
            "gaps": [
                {"first_frame": gap.first_frame, "frames": gap.frames, "reason": gap.reason}
                for gap in found.gaps
            ],
            "model": {
                "name": header.model_name,
                "revision": header.model_revision,
                "weights_sha256": header.weights_sha256,
            },
            "source": {
                "duration_s": found.duration_s,
                "sample_rate_hz": header.source_sample_rate_hz,
                "channels": header.source_channels,
                "samples": found.source_samples,
            },
            "grid": {
                "sample_rate_hz": header.sample_rate_hz,
                "channels": header.channels,
                "hop_samples": header.hop_samples,
                "frame_rate_hz": spec_of(header).frame_rate_hz,
                "codebook_sizes": list(header.codebook_sizes),
            },
            "entropy_coding": {
                "tables": header.entropy_tables or None,
                "chunks": found.coded_chunks,
                "bytes": found.layer_bytes,
                "packed_bytes": found.packed_bytes,
            },
            "levels": found.levels,
            "rows": header.rows,
            "frames": found.frames,
            "chunks": found.chunks,
            "file_bytes": found.file_bytes,
            "nominal_bitrate_bps": self.nominal_bps,
            "real_bitrate_bps": self.real_bps,
            "metadata": [list(pair) for pair in header.metadata],
        }

    def _coding(self) -> list[str]:
        found = self.found
        if not found.coded_chunks:
            return []
        saved = 1 - found.layer_bytes / found.packed_bytes
        return [
            f"  coding    entropy coded in {found.coded_chunks} of {count(found.chunks, 'chunk')} "
            f"(tables {found.header.entropy_tables}), {saved:.1%} smaller than packed bits"
        ]

    def _state(self) -> str:
        if self.complete:
            return "complete"
        parts = [] if self.found.has_trailer else ["no trailer (live, or cut off)"]
        if self.found.gaps:
            lost = sum(gap.frames for gap in self.found.gaps)
            places = count(len(self.found.gaps), "place")
            parts.append(f"damaged in {places}, {count(lost, 'frame')} lost")
        return ", ".join(parts)

    def _damage(self) -> list[str]:
        gaps = self.found.gaps
        lines = [
            f"  damage    frame {gap.first_frame}, {count(gap.frames, 'frame')} lost: {gap.reason}"
            for gap in gaps[:_GAPS_SHOWN]
        ]
        more = len(gaps) - _GAPS_SHOWN
        return [*lines, f"  damage    and {more} more"] if more > 0 else lines
