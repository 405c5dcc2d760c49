"""What encoding and decoding a file has to say: progress while it runs, a report at its end."""

from dataclasses import dataclass

from audiocodec.bitstream.items import Gap


@dataclass(frozen=True, slots=True)
class Progress:
    """How much sound is done; total_s is None while the length is unknown, as in a live stream."""

    done_s: float
    total_s: float | None


@dataclass(frozen=True, slots=True)
class EncodeReport:
    """What became of one sound file.

    source_samples: its length in samples of each channel, at its own rate.
    sample_rate_hz, channels: as coded: channels is 1 after mixing down.
    frames, levels: of the codes. bitrate_bps: nominal, all channels counted.
    bytes_written: size of the .codes file.
    duration_s: length of the sound. elapsed_s: time from the first block to the last byte, loading
        the model not counted.
    """

    source_samples: int
    sample_rate_hz: int
    channels: int
    frames: int
    levels: int
    bitrate_bps: float
    bytes_written: int
    duration_s: float
    elapsed_s: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of sound coded in a second; 0 for a sound without samples."""
        return self.duration_s / max(self.elapsed_s, 1e-9)


@dataclass(frozen=True, slots=True)
class DecodeReport:
    """What became of one .codes file.

    samples: length of the sound in samples of each channel, at its own rate.
    frames: of the codes, lost ones counted. levels: most that were decoded; 0 without frames.
    duration_s: length of the sound. elapsed_s: as in EncodeReport.
    gaps: what was damaged or lost, in order, and concealed; empty when the file is whole.
    clipped_samples: samples beyond full scale that were clipped. peak: largest |x| before that.
    """

    samples: int
    sample_rate_hz: int
    channels: int
    frames: int
    levels: int
    duration_s: float
    elapsed_s: float
    gaps: tuple[Gap, ...]
    clipped_samples: int
    peak: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of sound decoded in a second; 0 for a sound without samples."""
        return self.duration_s / max(self.elapsed_s, 1e-9)
