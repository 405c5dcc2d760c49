"""What cutting, joining and truncating share: frames on their way from file to file."""

from dataclasses import dataclass
from typing import BinaryIO, cast

from audiocodec.audio.limits import PathLike
from audiocodec.bitstream.chunks import keep_levels
from audiocodec.bitstream.header import RANGES, Header
from audiocodec.bitstream.items import CodedPacket, Gap, Packet
from audiocodec.bitstream.reader import Reader
from audiocodec.bitstream.records import MAX_FRAME
from audiocodec.bitstream.unpacking import unpack_chunk
from audiocodec.bitstream.writer import Writer
from audiocodec.codes_io import CountingFile
from audiocodec.entropy_tables import EntropyTables, tables_named
from audiocodec.errors import Corrupt
from audiocodec.packing import check_length, spec_of

PathOrStream = PathLike | BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class EditReport:
    """What became of a `.codes` file.

    frames: of the output, lost ones counted. levels: most that any chunk has; 0 without frames.
    source_samples, duration_s: length of the sound that the output stands for.
    bitrate_bps: nominal, all channels counted. bytes_written: size of the output.
    gaps: what was damaged or lost in the input, in order, by the frames of the output.
    """

    frames: int
    levels: int
    source_samples: int
    duration_s: float
    bitrate_bps: float
    bytes_written: int
    gaps: tuple[Gap, ...]


class Copy:
    """Packets and gaps on their way to a new file, whose frames are numbered anew.

    Entropy coded chunks are copied as they are; only one that is divided is coded again.
    tables: to do so, beside those that are found by what the header says.
    """

    def __init__(
        self, file: CountingFile, header: Header, tables: EntropyTables | None = None
    ) -> None:
        self.frames = self.levels = 0
        self._file, self._header = file, header
        self._gaps: list[Gap] = []
        self._given, self._found = tables, tables
        self._tables = self._find(header)
        self._writer = Writer(cast(BinaryIO, file), header, tables=self._tables)

    def add(
        self,
        item: Packet | CodedPacket | Gap,
        *,
        levels: int | None = None,
        first: int = 0,
        end: int | None = None,
    ) -> None:
        """Append what of `item` lies in the frames [first, end) of the file that it is from.

        Raises WrongModel for an entropy coded chunk that must be divided without its tables.
        """
        begin = max(item.first_frame, first)
        frames = max(0, min(item.end_frame, MAX_FRAME if end is None else end) - begin)
        if self.frames + frames > MAX_FRAME:
            raise Corrupt(f"a file holds {MAX_FRAME} frames, and these are more; join fewer")
        skipped = begin - item.first_frame
        match item:
            case Packet():
                self._write(item, levels, skipped, frames)
            case CodedPacket():
                whole = frames == item.chunk.head.frames
                kept = keep_levels(item.chunk, item.header, levels or item.levels)
                same = item.header.entropy_tables == self._header.entropy_tables
                if whole and same and kept is not None:
                    self.levels = max(self.levels, kept.head.levels)
                    self._writer.write_chunk(kept)
                elif frames:
                    tables = self._find(item.header)
                    packet = unpack_chunk(item.chunk, item.header, item.levels, tables)
                    self._write(packet, levels, skipped, frames)
            case Gap():
                self._gaps.append(Gap(self.frames, frames, item.reason))
                self._writer.skip(frames)
        self.frames += frames
        self._file.flush()

    def finish(self, source_samples: int) -> EditReport:
        """End the file of a sound of `source_samples` samples; raises Corrupt for too many."""
        most = RANGES["source_samples"].high
        if source_samples > most:
            raise Corrupt(f"a file holds {most} samples, and these are more; join fewer")
        self._writer.finish(source_samples)
        self._file.flush()
        header, levels = self._header, self.levels
        return EditReport(
            frames=self.frames,
            levels=levels,
            source_samples=source_samples,
            duration_s=source_samples / header.source_sample_rate_hz,
            bitrate_bps=spec_of(header).bitrate_bps(levels) * header.rows if levels else 0.0,
            bytes_written=self._file.bytes_written,
            gaps=tuple(self._gaps),
        )

    def _find(self, header: Header) -> EntropyTables | None:
        if self._found is None or self._found.identity != header.entropy_tables:
            name = header.model_name
            self._found = tables_named(header.entropy_tables, self._given, model_name=name)
        return self._found

    def _write(self, packet: Packet, levels: int | None, skipped: int, frames: int) -> None:
        if not frames:
            return
        indices = packet.indices[:, :levels, skipped : skipped + frames]
        scales, segments = packet.scales, self._header.segments_of
        if scales is not None:
            scales = scales[:, segments(skipped) : segments(skipped + frames)]
        self.levels = max(self.levels, indices.shape[1])
        self._writer.write(indices, scales)


def check_sound_length(reader: Reader) -> None:
    """Raise Corrupt when the sound is said to be longer than the frames that were read."""
    check_length(reader.header, samples=reader.source_samples, frames=reader.frames)


def time_of(header: Header, frame: int) -> float:
    """Return when a frame begins, in seconds."""
    return header.coded_samples(frame) / header.sample_rate_hz


def samples_before(header: Header, frames: int) -> int:
    """Return how many samples of the source begin before frame `frames`."""
    return -(-header.coded_samples(frames) * header.source_sample_rate_hz // header.sample_rate_hz)


def frames_of(header: Header, samples: int) -> int:
    """Return how many frames so many samples of the source take."""
    coded = -(-samples * header.sample_rate_hz // header.source_sample_rate_hz)
    return spec_of(header).frames(coded)
