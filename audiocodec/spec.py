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
    level_strides: frames that one code of each level stands for, coarse to fine, where levels
        have frame rates of their own (SNAC); empty: every level has a code in every frame.
    segment_frames, segment_samples: where the codec cuts the sound into segments that it codes
        one by one with a gain for each (EnCodec at 48 kHz): frames a segment, and samples from
        the beginning of one to that of the next, which may be fewer than its frames cover, as
        segments overlap. 0 and 0: no segments.
    """

    sample_rate_hz: int
    channels: int
    hop_samples: int
    codebook_sizes: tuple[int, ...]
    level_strides: tuple[int, ...] = ()
    segment_frames: int = 0
    segment_samples: int = 0

    @property
    def levels(self) -> int:
        """Number of quantizer levels K."""
        return len(self.codebook_sizes)

    @property
    def frame_rate_hz(self) -> float:
        """Frames a second, of the finest level; not always an integer; overlaps not counted."""
        return self.sample_rate_hz / self.hop_samples

    @property
    def strides(self) -> tuple[int, ...]:
        """Frames that one code of each level stands for."""
        return self.level_strides or (1,) * self.levels

    @property
    def frames_together(self) -> int:
        """Frames that come as one: of the coarsest level's code, or of a segment."""
        return self.segment_frames or max(self.strides)

    @property
    def bits_per_level(self) -> tuple[int, ...]:
        """Bits that one code of each level takes when packed."""
        return tuple(max(1, (size - 1).bit_length()) for size in self.codebook_sizes)

    def bitrate_bps(self, levels: int | None = None) -> float:
        """Bits a second of one channel's codes at the first `levels` levels (default: all)."""
        kept = self.check_levels(levels)
        pairs = zip(self.bits_per_level[:kept], self.strides, strict=False)
        return self.frame_rate_hz * sum(bits / stride for bits, stride in pairs)

    def frames(self, samples: int) -> int:
        """Frames that cover `samples` samples, the coarsest level's last code complete."""
        if not self.segment_frames:
            return -(-samples // (self.hop_samples * max(self.strides))) * max(self.strides)
        # The last segment has 1 to segment_samples samples of its own.
        whole, rest = divmod(max(0, samples - 1), self.segment_samples)
        rest += min(samples, 1)
        return whole * self.segment_frames + min(-(-rest // self.hop_samples), self.segment_frames)

    def samples(self, frames: int) -> int:
        """Samples that `frames` frames stand for, up to where the next frame begins."""
        if not self.segment_frames:
            return frames * self.hop_samples
        whole, rest = divmod(frames, self.segment_frames)
        return whole * self.segment_samples + min(rest * self.hop_samples, self.segment_samples)

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
