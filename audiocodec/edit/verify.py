"""Whether a file is whole, and if not, where."""

from dataclasses import dataclass

from audiocodec.bitstream.contents import Summary, summary
from audiocodec.codes_io import open_codes
from audiocodec.errors import Corrupt, FormatError
from audiocodec.packing import check_length

from .copying import PathOrStream, time_of


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a file, and the stretch of the sound that it costs.

    start_s, end_s: equal when no sound is lost, or nobody knows how much.
    """

    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a file is whole. summary: what it holds; None when it cannot be read at all."""

    problems: tuple[Problem, ...]
    summary: Summary | None

    @property
    def ok(self) -> bool:
        """Whether every byte is as it was written, to the end."""
        return not self.problems


def verify_file(source: PathOrStream) -> Verification:
    """Check every chunk of a file, and that it has its end.

    A file that is no `.codes` file, or is beyond reading, is a problem of its own, not an error.
    Raises AudioCodecError when it cannot be read.
    """
    with open_codes(source) as file:
        try:
            found = summary(file)
        except FormatError as error:
            return Verification((Problem(0.0, 0.0, str(error)),), None)
    header = found.header
    problems = [
        Problem(time_of(header, gap.first_frame), time_of(header, gap.end_frame), gap.reason)
        for gap in found.gaps
    ]
    end_s = time_of(header, found.frames)
    told = bool(found.gaps) and found.gaps[-1].end_frame == found.frames
    if not found.has_trailer and not told:
        problems.append(Problem(end_s, end_s, "it has no trailer: it is live or was cut off"))
    try:
        check_length(header, samples=found.source_samples, frames=found.frames)
    except Corrupt as error:
        problems.append(Problem(end_s, end_s, str(error)))
    return Verification(tuple(problems), found)
