"""From a chunk's bytes to its codes and back; format.md, section 6."""

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import Corrupt, WrongModel

from .bits import pack, unpack
from .chunks import (
    MAX_CODED_PLACES,
    Chunk,
    ChunkHead,
    layers_of,
    least_bytes,
    packed_sizes,
    section_bytes,
)
from .entropy import ChunkCoder, EntropyTables
from .header import Header
from .items import Packet

_SCALE = np.dtype("<f4")


def unpack_chunk(
    chunk: Chunk, header: Header, levels: int, tables: EntropyTables | None = None
) -> Packet:
    """Return the codes of the first `levels` levels.

    Raises Corrupt for codes that the codebook does not have, WrongModel for a chunk that is
    entropy coded with other tables, or without any at hand.
    """
    head = chunk.head
    kept = min(levels, head.levels)
    indices = np.empty((header.rows, kept, head.frames), np.int32)
    coder = _coder(header, head, tables) if head.coded else None
    packed = packed_sizes(header, head.frames, head.levels)
    for number, layer in enumerate(layers_of(header, kept)):
        data = chunk.layers[number]
        if coder is not None and len(data) < packed[number]:
            found = coder.decode(data, len(layer))
        else:
            found = _unpack_layer(data, header, head.frames, layer)
            if coder is not None:
                coder.take(found)
        for level, codes in zip(layer, found, strict=True):
            stride = header.strides[level]
            indices[:, level] = codes if stride == 1 else codes.repeat(stride, axis=1)
    return Packet(head.first_frame, indices, _scales(chunk, header))


def pack_chunk(
    first_frame: int,
    indices: NDArray[np.int32],
    scales: NDArray[np.float32] | None,
    header: Header,
    tables: EntropyTables | None = None,
) -> Chunk:
    """Return the chunk of codes [R, K, F]; each layer is coded with `tables` where that pays."""
    rows, levels, frames = indices.shape
    coder = None
    if tables is not None and rows * frames <= MAX_CODED_PLACES:
        coder = tables.begin(header, frames)
    layers, coded = list[bytes](), False
    for layer in layers_of(header, levels):
        codes = [indices[:, level, :: header.strides[level]] for level in layer]
        pairs = zip(layer, codes, strict=True)
        data = b"".join(pack(numbers, header.bits_per_level[level]) for level, numbers in pairs)
        if coder is not None:
            shorter = coder.encode(codes).ljust(least_bytes(len(data)), b"\0")
            if len(shorter) < len(data):
                data, coded = shorter, True
        layers.append(data)
    head = ChunkHead(first_frame, frames, levels, tuple(map(len, layers)), coded)
    return Chunk(head, tuple(layers), b"" if scales is None else scales.astype(_SCALE).tobytes())


def _coder(header: Header, head: ChunkHead, tables: EntropyTables | None) -> ChunkCoder:
    if tables is None or tables.identity != header.entropy_tables:
        here = "none are at hand" if tables is None else f"{tables.identity} are at hand"
        made_by = f" (model {header.model_name})" if header.model_name else ""
        raise WrongModel(
            f"the codes are entropy coded with the tables {header.entropy_tables or 'unnamed'}"
            f"{made_by}, and {here}; give the model that made them"
        )
    return tables.begin(header, head.frames)


def _unpack_layer(
    data: bytes, header: Header, frames: int, layer: range
) -> list[NDArray[np.int32]]:
    found, start = list[NDArray[np.int32]](), 0
    for level in layer:
        end = start + section_bytes(header, frames, level)
        count = header.rows * (frames // header.strides[level])
        codes = unpack(data[start:end], count, header.bits_per_level[level])
        if codes.max() >= header.codebook_sizes[level]:
            raise Corrupt(
                f"a code of level {level + 1} is {codes.max()}, but its codebook has "
                f"{header.codebook_sizes[level]} entries"
            )
        found.append(codes.reshape(header.rows, -1))
        start = end
    return found


def _scales(chunk: Chunk, header: Header) -> NDArray[np.float32] | None:
    if not header.segment_frames:
        return None
    segments = header.segments_of(chunk.head.frames)
    values = np.frombuffer(chunk.scales, _SCALE).astype(np.float32)
    if not np.isfinite(values).all():
        raise Corrupt("a scale is not a finite number")
    return values.reshape(header.rows, segments)
