"""What a codec does to time and bits: the few numbers from which all rates are derived."""

from dataclasses import dataclass

from audiocodec.errors import UnsupportedLevels


@dataclass(frozen=True, slots=True)
class CodecSpec:
    """The integers that define a codec's grid; rates are derived from them, never stored.

    sample_rate_hz: rate at which the network works.
    channels: channels that one run of the network takes.
    hop_samples: samples a frame.
    codebook_sizes: entries of each level's codebook, coarse to fine.
    """

    sample_rate_hz: int
    channels: int
    hop_samples: int
    codebook_sizes: tuple[int, ...]

    @property
    def levels(self) -> int:
        """Number of quantizer levels K."""
        return len(self.codebook_sizes)

    @property
    def frame_rate_hz(self) -> float:
        """Frames a second; not always an integer."""
        return self.sample_rate_hz / self.hop_samples

    @property
    def bits_per_level(self) -> tuple[int, ...]:
        """Bits that one code of each level takes when packed."""
        return tuple(max(1, (size - 1).bit_length()) for size in self.codebook_sizes)

    def bitrate_bps(self, levels: int | None = None) -> float:
        """Bits a second of one channel's codes at the first `levels` levels (default: all)."""
        return self.frame_rate_hz * sum(self.bits_per_level[: self.check_levels(levels)])

    def frames(self, samples: int) -> int:
        """Frames that cover `samples` samples."""
        return -(-samples // self.hop_samples)

    def check_levels(self, levels: int | None) -> int:
        """Return `levels`, or all of them for None.

        Raises UnsupportedLevels when the codec does not have that many.
        """
        if levels is None:
            return self.levels
        if not 1 <= levels <= self.levels:
            raise UnsupportedLevels(
                f"{levels} levels asked for, but this model has 1 to {self.levels}; "
                f"choose a number in that range"
            )
        return levels

    def levels_for_bitrate(self, bitrate_bps: float) -> int:
        """Return the largest number of levels that stays within `bitrate_bps` a channel.

        Raises UnsupportedLevels when not even one level fits.
        """
        fitting = [k for k in range(1, self.levels + 1) if self.bitrate_bps(k) <= bitrate_bps]
        if not fitting:
            raise UnsupportedLevels(
                f"{bitrate_bps / 1000:g} kbps asked for, but the lowest bit rate of this model is "
                f"{self.bitrate_bps(1) / 1000:g} kbps; ask for at least that"
            )
        return fitting[-1]
