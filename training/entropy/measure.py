"""How many bits a code takes, measured by coding what was held back, and coding it back."""

import time
from dataclasses import dataclass

import numpy as np

from audiocodec.bitstream.entropy import EntropyTables
from audiocodec.bitstream.header import Header
from audiocodec.errors import AudioCodecError
from audiocodec.spec import CodecSpec

from .corpus import Codes

_MOST_CHUNKS = 150


@dataclass(frozen=True, slots=True)
class Measured:
    """Bits a code by level, whole bytes and all, and how many times faster than real time."""

    category: str
    bits: tuple[float, ...]
    encode_factor: float
    decode_factor: float


def measure(tables: EntropyTables, codes: Codes, spec: CodecSpec) -> list[Measured]:
    """Code some held-back chunks of each category and decode them.

    Raises AudioCodecError should other codes come back: then the tables are of no use.
    """
    header = Header(
        sample_rate_hz=spec.sample_rate_hz,
        hop_samples=spec.hop_samples,
        codebook_sizes=spec.codebook_sizes,
        source_sample_rate_hz=spec.sample_rate_hz,
    )
    found = []
    for category, all_chunks in codes.measured.items():
        chunks = all_chunks[:: max(1, len(all_chunks) // _MOST_CHUNKS)].numpy().astype(np.int32)
        frames = chunks.shape[2]
        sizes = np.zeros(len(spec.codebook_sizes))
        encode_s = decode_s = 0.0
        for chunk in chunks:
            started = time.process_time()
            coder = tables.begin(header, frames)
            sections = [coder.encode([level[None]]) for level in chunk]
            half = time.process_time()
            coder = tables.begin(header, frames)
            back = np.concatenate([coder.decode(section, 1)[0] for section in sections])
            decode_s += time.process_time() - half
            encode_s += half - started
            if not np.array_equal(back, chunk):
                raise AudioCodecError("entropy coding gave other codes back; report this")
            sizes += [len(section) for section in sections]
        length_s = len(chunks) * frames / spec.frame_rate_hz
        bits = 8 * sizes / (len(chunks) * frames)
        found.append(Measured(category, tuple(bits), length_s / encode_s, length_s / decode_s))
    return found


def describe(measured: list[Measured]) -> str:
    """Return a table in Markdown: bits a code by level."""
    lines = [
        "| level | " + " | ".join(found.category for found in measured) + " |",
        "|--:|" + "--:|" * len(measured),
    ]
    for level in range(len(measured[0].bits)):
        cells = " | ".join(f"{found.bits[level]:.2f}" for found in measured)
        lines.append(f"| {level + 1} | {cells} |")
    means = " | ".join(f"{np.mean(found.bits):.2f}" for found in measured)
    lines.append(f"| mean | {means} |")
    encode = " | ".join(f"{found.encode_factor:.0f}" for found in measured)
    decode = " | ".join(f"{found.decode_factor:.0f}" for found in measured)
    lines += [f"| encode, times real time | {encode} |", f"| decode | {decode} |"]
    return "\n".join(lines)
