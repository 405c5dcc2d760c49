"""A stretch of a file, on frame borders."""

from dataclasses import dataclass, replace

from audiocodec.bitstream.header import Header
from audiocodec.bitstream.items import Gap
from audiocodec.bitstream.reader import Reader
from audiocodec.bitstream.records import MAX_FRAME
from audiocodec.codes_io import create_codes, open_codes, refuse_same
from audiocodec.entropy_tables import EntropyTables
from audiocodec.errors import AudioCodecError

from .copying import (
    Copy,
    EditReport,
    PathOrStream,
    check_sound_length,
    frames_of,
    samples_before,
    time_of,
)

SPARE_FRAMES = 1
"""Frames kept behind the end of a cut, whose sound ends before them.

A model may give its sound late by up to a frame; then the end of the sound is in the next frame.
"""
_NEARLY = 1e-6  # of a frame: 0.29 s times 100 frames a second is 28.999999999999996


@dataclass(frozen=True, slots=True, kw_only=True)
class CutReport(EditReport):
    """What became of a cut, and where in the input it lies.

    first_frame, end_frame: the first frame, and the one behind the last, that the sound is of.
    start_s, end_s: the same in seconds; the last frame may reach beyond the end of the sound.
    """

    first_frame: int
    end_frame: int
    start_s: float
    end_s: float


def cut_file(
    source: PathOrStream,
    target: PathOrStream,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    start_frame: int | None = None,
    end_frame: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    tables: EntropyTables | None = None,
) -> CutReport:
    """Keep a stretch of the sound, from the frame that holds its start to the one of its end.

    The sound of the output begins at the time of its first frame and is as long as its frames
    stand for, or to the end of the source; one frame more is kept behind it for models that
    give their sound late. A decoder starts cold at the cut: its memory of what came before is
    missing, so the first frames sound slightly different than in the whole (how long depends on
    the model: a tenth of a second or two).

    start_s or start_frame: default the beginning. end_s or end_frame: default the end; the frame
        with this number is the first that is not kept.
    strict: refuse damage within the cut. overwrite: replace an existing target.
    tables: as in `truncate_file`.

    A file that can be seeked is read only where it is cut. Raises AudioCodecError when nothing
    lies between start and end, and otherwise as `truncate_file`.
    """
    refuse_same(source, target)
    with open_codes(source) as file:
        reader = Reader(file, strict=strict)
        header = reader.header
        first = _border(header, start_s, start_frame, up=False) or 0
        end = _border(header, end_s, end_frame, up=True)
        stop = MAX_FRAME if end is None else _up(end + SPARE_FRAMES, header.grain_frames)
        _refuse_nothing(header, first, end, header.source_samples)
        known = header.source_samples
        expected = None if known is None else _samples_between(header, first, end, known)
        with create_codes(target, overwrite=overwrite) as output:
            copy = Copy(output, replace(header, source_samples=expected), tables)
            if file.seekable():
                reader.seek_frame(first)
            for item in reader.with_coded():
                # Not before: as long as nothing begins behind it, the sound may end before `end`.
                if item.first_frame >= stop:
                    break
                limit = end if isinstance(item, Gap) else stop  # a lost spare frame is no loss
                if item.reaches(first) and (limit is None or item.first_frame < limit):
                    copy.add(item, first=first, end=limit)
            check_sound_length(reader)
            total = reader.source_samples
            _refuse_nothing(header, first, end, total)
            report = copy.finish(_samples_between(header, first, end, total))
            last = min(MAX_FRAME if end is None else end, frames_of(header, total))
            return _cut_report(report, header, first, last)


def _border(header: Header, time_s: float | None, frame: int | None, *, up: bool) -> int | None:
    """Return the border at or before a place, or with `up` at or after it.

    Frames that strides or segments hold together are not divided.
    """
    if time_s is not None and frame is not None:
        raise ValueError("a place is given in seconds or as a frame, not both")
    place: float | None = frame if time_s is None else _frames_until(header, time_s)
    if place is None:
        return None
    if not 0 <= place < MAX_FRAME:
        raise AudioCodecError(f"a place in the sound is {place:g} frames; expected 0 or more")
    nearest = round(place)
    whole = nearest if abs(place - nearest) < _NEARLY else int(place) + up
    if up:
        return _up(whole, header.grain_frames)
    return whole // header.border_frames * header.border_frames


def _frames_until(header: Header, time_s: float) -> float:
    samples = time_s * header.sample_rate_hz
    if not header.segment_frames:
        return samples / header.hop_samples
    segments, rest = divmod(samples, header.segment_samples)
    return segments * header.segment_frames + rest / header.hop_samples


def _up(frames: int, grain: int) -> int:
    return -(-frames // grain) * grain


def _refuse_nothing(header: Header, first: int, end: int | None, samples: int | None) -> None:
    if end is not None and end <= first:
        raise AudioCodecError(
            f"nothing lies between frame {first} ({time_of(header, first):g} s) and frame {end} "
            f"({time_of(header, end):g} s); choose an end behind the start"
        )
    if samples is not None and samples <= samples_before(header, first):
        raise AudioCodecError(
            f"the cut starts at {time_of(header, first):g} s, but the sound ends at "
            f"{samples / header.source_sample_rate_hz:g} s; choose an earlier start"
        )


def _samples_between(header: Header, first: int, end: int | None, total: int) -> int:
    """Return the length of the frames [first, end) of a source of `total` samples."""
    rest = total - samples_before(header, first)
    return rest if end is None else min(rest, header.samples_of(end - first))


def _cut_report(report: EditReport, header: Header, first: int, end: int) -> CutReport:
    return CutReport(
        frames=report.frames,
        levels=report.levels,
        source_samples=report.source_samples,
        duration_s=report.duration_s,
        bitrate_bps=report.bitrate_bps,
        bytes_written=report.bytes_written,
        gaps=report.gaps,
        first_frame=first,
        end_frame=end,
        start_s=time_of(header, first),
        end_s=time_of(header, end),
    )
