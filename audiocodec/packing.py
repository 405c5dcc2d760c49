"""The bridge between codes and the `.codes` format: values here, a `Header` and chunks there."""

from collections.abc import Iterable, Mapping
from typing import BinaryIO

import numpy as np

from audiocodec.audio.layout import row_count
from audiocodec.bitstream.entropy import EntropyTables
from audiocodec.bitstream.header import Header
from audiocodec.bitstream.header_bytes import ENTROPY, PACKED
from audiocodec.bitstream.items import Packet
from audiocodec.bitstream.reader import Reader
from audiocodec.bitstream.writer import Writer
from audiocodec.codes import Codes, FloatArray, ModelIdentity, Source
from audiocodec.entropy_tables import tables_for, tables_named
from audiocodec.errors import Corrupt
from audiocodec.spec import CodecSpec

Metadata = Mapping[str, str] | Iterable[tuple[str, str]]
"""Text by keys; as pairs, a key may come more than once."""


def build_header(
    spec: CodecSpec,
    source: Source,
    model: ModelIdentity | None,
    *,
    rows: int,
    length_known: bool = True,
    metadata: Metadata = (),
    tables: EntropyTables | None = None,
    layer_levels: int = 4,
) -> Header:
    """Return the header for codes [rows, K, F] of `source`.

    length_known: whether source.samples is the true length; a live stream learns it at its end.
    tables: what the codes are to be entropy coded with. layer_levels: under one checksum.
    Raises FormatError for what a file cannot hold, such as a name with control characters.
    """
    return Header(
        sample_rate_hz=spec.sample_rate_hz,
        channels=spec.channels,
        hop_samples=spec.hop_samples,
        codebook_sizes=spec.codebook_sizes,
        rows=rows,
        source_sample_rate_hz=source.sample_rate_hz,
        source_channels=source.channels,
        source_samples=source.samples if length_known else None,
        source_ndim=source.ndim,
        model_name=model.name if model else "",
        model_revision=model.revision if model else "",
        weights_sha256=model.weights_sha256 if model else "",
        coding=PACKED if tables is None else ENTROPY,
        entropy_tables=tables.identity if tables else "",
        level_strides=spec.level_strides,
        layer_levels=layer_levels,
        segment_frames=spec.segment_frames,
        segment_samples=spec.segment_samples,
        metadata=tuple(metadata.items() if isinstance(metadata, Mapping) else metadata),
    )


def spec_of(header: Header) -> CodecSpec:
    """Return the grid that the codes lie on."""
    return CodecSpec(
        sample_rate_hz=header.sample_rate_hz,
        channels=header.channels,
        hop_samples=header.hop_samples,
        codebook_sizes=header.codebook_sizes,
        level_strides=header.level_strides,
        segment_frames=header.segment_frames,
        segment_samples=header.segment_samples,
    )


def identity_of(header: Header) -> ModelIdentity | None:
    """Return whose weights made the codes, None where the header says nothing about it."""
    if not (header.model_name or header.weights_sha256):
        return None
    return ModelIdentity(header.model_name, header.model_revision, header.weights_sha256)


def batch_of(header: Header) -> int:
    """Return how many sounds the rows are.

    Raises Corrupt when the rows are not those of whole sounds of the source's channels and axes.
    """
    rows_each = row_count(header.source_channels, header.channels)
    batch = header.rows // rows_each
    mono = header.source_ndim > 1 or header.source_channels == 1
    single = header.source_ndim == 3 or batch == 1
    if header.rows != batch * rows_each or not mono or not single:
        raise Corrupt(
            f"the header contradicts itself: {header.rows} rows of {header.channels} channels "
            f"cannot be a sound of {header.source_channels} channels and {header.source_ndim} "
            f"axes; make the file again"
        )
    return batch


def source_of(header: Header, samples: int) -> Source:
    """Return the sound that the codes stand for, `samples` samples long.

    Raises Corrupt as `batch_of`.
    """
    batch_of(header)
    return Source(header.source_sample_rate_hz, header.source_channels, samples, header.source_ndim)


def write_codes(
    codes: Codes, file: BinaryIO, *, entropy: bool = True, tables: EntropyTables | None = None
) -> None:
    """Write codes as a whole `.codes` file.

    entropy: whether to code them by tables. tables: those of the codec that made them; by default
    the embedded ones or those in the Hub's cache, if they are for these weights.
    Raises FormatError when a file cannot hold them, or could not be read again.
    """
    if tables is None and (found := tables_for(codes.model)):
        tables = found.tables
    tables = tables if entropy else None
    header = build_header(
        codes.spec, codes.source, codes.model, rows=len(codes.indices), tables=tables
    )
    batch_of(header)
    check_length(header, samples=codes.source.samples, frames=codes.frames)
    writer = Writer(file, header, tables=tables)
    writer.write(codes.indices, codes.scale)
    writer.finish()


def read_codes(file: BinaryIO, *, tables: EntropyTables | None = None) -> Codes:
    """Read a whole, undamaged `.codes` file; memory grows with its size.

    tables: for entropy coded files, those of the model that made it; the embedded model's, and
    those in the Hub's cache, are found without. Chunks that hold fewer levels than others set
    the levels of all. Raises FormatError.
    """
    reader = Reader(file, strict=True)
    header = reader.header
    reader.tables = tables_named(header.entropy_tables, tables, model_name=header.model_name)
    packets = [item for item in reader if isinstance(item, Packet)]
    levels = min((packet.levels for packet in packets), default=header.levels)
    empty = np.empty((header.rows, levels, 0), np.int32)
    indices = np.concatenate([empty, *(found.indices[:, :levels] for found in packets)], axis=-1)
    check_length(header, samples=reader.source_samples, frames=reader.frames)
    source = source_of(header, reader.source_samples)
    return Codes(indices, spec_of(header), source, identity_of(header), _scale_of(header, packets))


def _scale_of(header: Header, packets: list[Packet]) -> FloatArray | None:
    if not header.segment_frames:
        return None
    none = np.empty((header.rows, 0), np.float32)
    found = [packet.scales for packet in packets if packet.scales is not None]
    return np.concatenate([none, *found], axis=-1)


def check_length(header: Header, *, samples: int, frames: int) -> None:
    """Raise Corrupt when the source is longer than its frames, which a decoder would have to fill.

    samples: of the source at its own rate.
    """
    covered = header.samples_of(frames)
    if samples > covered:
        raise Corrupt(
            f"the sound is said to have {samples} samples, but its {frames} frames stand for "
            f"{covered}; make the file again"
        )
