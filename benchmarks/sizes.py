"""Bytes that the same codes take as .codes files, and in the formats of others.

    python benchmarks/sizes.py CORPUS > sizes.md
    python benchmarks/sizes.py CORPUS --model runs/mine/export --levels 4,12 --limit 5

CORPUS is a folder with a folder of sound files for each category. Prints Markdown: bytes a second
of sound, files with all they need to be decoded, and how much smaller entropy coding makes ours.

np.save: the codes as int64, which is what other codecs' encoders return. .dac: the layout of
descript-audio-codec 1.0, np.save of a dictionary with the codes as uint16. .ecdc: the layout of
encodec 0.1 without its language model, 9 bytes, JSON, and packed bits. Both are made here from
their published layouts, without their packages; neither keeps a checksum or the weights' identity.
"""

import argparse
import io
import json
import struct
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

import audiocodec
from audiocodec.audio.read import open_sound
from audiocodec.bitstream.bits import pack
from audiocodec.codes import Codes
from audiocodec.packing import write_codes

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


def np_save(codes: Codes) -> int:
    """Return the bytes of np.save of the codes as int64."""
    file = io.BytesIO()
    np.save(file, codes.indices.astype(np.int64))
    return len(file.getvalue())


def dac(codes: Codes) -> int:
    """Return the bytes of a .dac file."""
    metadata = {
        "input_db": np.zeros(1, np.float32),
        "original_length": codes.source.samples,
        "sample_rate": codes.source.sample_rate_hz,
        "chunk_length": codes.frames,
        "channels": codes.source.channels,
        "padding": False,
        "dac_version": "1.0.0",
    }
    contents = {"codes": codes.indices.astype(np.uint16), "metadata": metadata}
    file = io.BytesIO()
    np.save(file, np.array(contents, dtype=object), allow_pickle=True)
    return len(file.getvalue())


def ecdc(codes: Codes) -> int:
    """Return the bytes of an .ecdc file of the same codes."""
    facts = {"m": "encodec_24khz", "al": codes.source.samples, "nc": codes.levels, "lm": False}
    header = struct.pack("!4sBI", b"ECDC", 0, len(json.dumps(facts)))
    width = max(codes.spec.bits_per_level)
    return len(header) + len(json.dumps(facts)) + len(pack(codes.indices, width))


def ours(codes: Codes, *, entropy: bool) -> int:
    """Return the bytes of a .codes file."""
    file = io.BytesIO()
    write_codes(codes, file, entropy=entropy)
    return len(file.getvalue())


def encode(codec: audiocodec.Codec, path: Path, seconds: float | None) -> Codes:
    """Return the codes of the beginning of a file, mixed down to mono."""
    with open_sound(path) as sound:
        rate = sound.sample_rate_hz
        wav = np.concatenate(list(sound.blocks(1 << 20)), axis=1).mean(axis=0, dtype=np.float32)
    return codec.encode(wav[: None if seconds is None else int(seconds * rate)], rate)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Sizes of the same codes in several formats.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", help="folder or Hub name; embedded by default")
    parser.add_argument("--levels", help="numbers of levels, such as 4,12; a half and all")
    parser.add_argument("--limit", type=int, help="so many files of each category")
    parser.add_argument("--seconds", type=float, help="so much of each file")
    options = parser.parse_args(arguments)
    codec = audiocodec.load(options.model)
    all_levels = codec.spec.levels
    counts = [int(n) for n in (options.levels or f"{-(-all_levels // 2)},{all_levels}").split(",")]
    paths = defaultdict(list)
    for path in sorted(options.corpus.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            paths[path.parent.name].append(path)
    print("| sound | levels | kbps | np.save | .dac | .ecdc | .codes, packed | .codes | saved |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for category, files in paths.items():
        found = [encode(codec, path, options.seconds) for path in files[: options.limit]]
        seconds = sum(codes.duration_s for codes in found)
        for levels in counts:
            kept = [replace(codes, indices=codes.indices[:, :levels]) for codes in found]
            packed = sum(ours(codes, entropy=False) for codes in kept)
            coded = sum(ours(codes, entropy=True) for codes in kept)
            others = [sum(map(size, kept)) for size in (np_save, dac, ecdc)]
            cells = [f"{size / seconds:.0f}" for size in (*others, packed, coded)]
            rate = codec.spec.bitrate_bps(levels) / 1000
            saved = f"{1 - coded / packed:.1%}"
            print(f"| {category} | {levels} | {rate:g} |", " | ".join([*cells, saved]), "|")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
