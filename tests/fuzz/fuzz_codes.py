"""Fuzz the reader of `.codes` files with atheris; not part of the test suite.

    pip install atheris
    python tests/fuzz/fuzz_codes.py SUMMARY.json CORPUS/ -max_total_time=600

CORPUS is a folder that exists, where libFuzzer keeps what it finds; the golden files are its seeds.
Seconds are of CPU time; memory is measured in every twentieth case.
Half of the cases are read as they are, half with all checksums made right first, so that damage
gets behind them. Every case is read strictly and not, entered in the middle, truncated to fewer
levels and summed up. Anything but a FormatError ends the run.
"""

import io
import json
import struct
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["audiocodec.bitstream", "audiocodec.edit"]):
    from audiocodec.bitstream import Packet, Reader, summary
    from audiocodec.bitstream.checksum import crc32c
    from audiocodec.bitstream.chunks import read_chunk_head, scale_bytes
    from audiocodec.bitstream.header_bytes import header_from_bytes
    from audiocodec.bitstream.records import find_extent
    from audiocodec.bitstream.varint import Cursor
    from audiocodec.bitstream.window import Window
    from audiocodec.edit import truncate_file
    from audiocodec.entropy_tables import read_tables
    from audiocodec.errors import AudioCodecError, FormatError

GOLDEN = Path(__file__).parents[1] / "golden" / "bitstream"
TABLES = [read_tables(path).tables for path in sorted(GOLDEN.glob("*.safetensors"))]
LONGEST = 2048
MEASURED_EVERY = 20


class Log:
    """What happened so far; written down every few seconds."""

    def __init__(self, path: Path) -> None:
        self.path, self.next_s = path, 0.0
        self.started_s = time.monotonic()
        self.cases = 0
        self.outcomes: Counter[str] = Counter()
        self.worst_s, self.worst_bytes = 0.0, 0

    def add(self, outcome: str, seconds: float, peak: int) -> None:
        """Count one case."""
        self.cases += 1
        self.outcomes[outcome] += 1
        self.worst_s = max(self.worst_s, seconds)
        self.worst_bytes = max(self.worst_bytes, peak)
        now = time.monotonic()
        if now > self.next_s:
            self.next_s = now + 3
            facts = {
                "cases": self.cases,
                "minutes": (now - self.started_s) / 60,
                "outcomes": dict(self.outcomes.most_common()),
                "worst_seconds": self.worst_s,
                "worst_memory_bytes": self.worst_bytes,
            }
            self.path.write_text(json.dumps(facts, indent=2) + "\n")


def sealed(data: bytes) -> bytes:
    """Return the file with the checksums that its bytes should have, as far as they go."""
    made = bytearray(data)
    end = 11 + int.from_bytes(made[9:11], "little")
    if len(made) < end + 4:
        return data
    made[end : end + 4] = struct.pack("<I", crc32c(bytes(made[8:end])))
    try:
        header = header_from_bytes(bytes(made[11:end]))
        at = end + 4
        while at < len(made):
            window = Window(io.BytesIO(made[at:]))
            extent = find_extent(window)
            ends = [extent.body_end]
            if extent.kind == b"C":
                cursor = Cursor(window.bytes, extent.body_start)
                head = read_chunk_head(cursor, extent.body_end, header)
                place = cursor.position + scale_bytes(header, head.frames)
                ends = []
                for size in head.sizes:
                    ends.append(place + size)
                    place += size + 4
            begin = 0
            for stop in ends:
                if at + stop + 4 > len(made):
                    break
                made[at + stop : at + stop + 4] = struct.pack(
                    "<I", crc32c(bytes(made[at + begin : at + stop]))
                )
                begin = stop + 4
            at += extent.size
    except FormatError:
        pass
    return bytes(made)


def read(data: bytes) -> str:
    """Read a file in every way; return how it ended."""
    try:
        summary(io.BytesIO(data))
        reader = Reader(io.BytesIO(data))
        found = [t for t in TABLES if t.identity == reader.header.entropy_tables]
        reader.tables = found[0] if found else None
        packets = sum(isinstance(item, Packet) for item in reader)
        reader.seek_frame(reader.frames // 2)
        list(reader)
    except FormatError as error:
        return type(error).__name__
    try:
        strict = Reader(io.BytesIO(data), levels=1, strict=True, tables=reader.tables)
        list(strict)
    except FormatError:
        outcome = "damage concealed" if packets else "no codes left"
    else:
        outcome = "whole"
    try:
        truncate_file(io.BytesIO(data), io.BytesIO(), levels=1)
    except AudioCodecError:
        outcome += ", not to be truncated"
    return outcome


def main() -> None:
    """Run until libFuzzer ends."""
    log = Log(Path(sys.argv.pop(1)))
    corpus = Path(sys.argv[1])
    for path in GOLDEN.glob("*.codes"):
        for flag in (b"\0", b"\1"):
            (corpus / f"{path.stem}{flag[0]}").write_bytes(flag + path.read_bytes())

    def case(data: bytes) -> None:
        given = sealed(data[1:]) if data[:1] and data[0] & 1 else data[1:]
        measured = log.cases % MEASURED_EVERY == 0  # tracing makes everything several times slower
        if measured:
            tracemalloc.start()
        start = time.process_time()
        outcome = read(given)
        seconds = time.process_time() - start
        peak = tracemalloc.get_traced_memory()[1] if measured else 0
        tracemalloc.stop()
        log.add(outcome, 0.0 if measured else seconds, peak)

    atheris.Setup([*sys.argv, f"-max_len={LONGEST}"], case)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
