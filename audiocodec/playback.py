"""The packets and gaps of a file to sound of the right length, whatever was lost."""

from collections.abc import Callable
from typing import Self

import numpy as np

from audiocodec.audio.limits import FloatArray
from audiocodec.audio.write import SoundWriter
from audiocodec.bitstream.items import Gap, Packet
from audiocodec.bitstream.reader import Reader
from audiocodec.codec import Codec
from audiocodec.errors import Corrupt, UnsupportedLevels
from audiocodec.reports import Progress

MAX_LOST_S = 3600
"""So much lost sound is made up, and beyond it what the file's bytes could have held."""


class Playback:
    """One `.codes` file on its way to one sound file.

    factor: what the sound is multiplied by.
    samples: given to the output so far. levels: most that were decoded so far.
    gaps: what was damaged or lost so far.
    """

    def __init__(
        self,
        reader: Reader,
        codec: Codec,
        output: SoundWriter,
        *,
        levels: int | None,
        strict: bool,
        factor: float = 1.0,
    ) -> None:
        self.samples = self.levels = self.lost_frames = 0
        self.gaps: list[Gap] = []
        self._reader, self._output = reader, output
        self._asked, self._strict, self._factor = levels, strict, np.float32(factor)
        header = reader.header
        self._hop = header.hop_samples
        self._stream = codec.stream_decoder(
            sample_rate_hz=header.source_sample_rate_hz, channels=header.source_channels
        )
        self._held: FloatArray = np.zeros((header.source_channels, 0), np.float32)
        self._hold_samples = header.samples_of(1) + 2

    def run(self, progress: Callable[[Progress], None] | None) -> Self:
        """Decode everything; return itself.

        Raises Corrupt for a loss that nobody can have had, and, if strict, for any.
        """
        header = self._reader.header
        rate, known = header.source_sample_rate_hz, header.source_samples
        for item in self._reader:
            match item:
                case Packet():
                    self._check_levels(item.indices.shape[1])
                    self._give(self._stream.push(item.indices, item.scales)[0])
                case Gap():
                    self._conceal(item)
            if progress is not None:
                progress(Progress(self.samples / rate, None if known is None else known / rate))
        self._finish()
        return self

    def _check_levels(self, found: int) -> None:
        if self.levels == 0 and self._asked is not None and self._asked > found:
            raise UnsupportedLevels(
                f"{self._asked} levels asked for, but these codes hold {found}; choose 1 to {found}"
            )
        self.levels = max(self.levels, found)

    def _conceal(self, gap: Gap) -> None:
        self.gaps.append(gap)
        self.lost_frames += gap.frames
        self._refuse_forged_loss()
        frames_at_once = max(1, round(self._reader.header.sample_rate_hz / self._hop))
        for begin in range(0, gap.frames, frames_at_once):
            self._give(self._stream.conceal(min(frames_at_once, gap.frames - begin))[0])

    def _refuse_forged_loss(self) -> None:
        """Bound what is made up by the bytes that are there: one could ask for years."""
        header = self._reader.header
        bits_a_frame = header.rows * header.bits_per_level[0]
        believable = 8 * self._reader.bytes_read // bits_a_frame
        believable += MAX_LOST_S * header.sample_rate_hz // self._hop
        if self.lost_frames > believable:
            lost_s = self.lost_frames * self._hop / header.sample_rate_hz
            raise Corrupt(
                f"{lost_s:.0f} s of sound are said to be lost, more than a file of this size can "
                f"have held; fetch or make it again"
            )

    def _give(self, wav: FloatArray) -> None:
        """Write wav [C, T] but for the end, which the trailer may still cut off."""
        held = np.concatenate([self._held, self._factor * wav], axis=-1)
        ready = max(0, held.shape[-1] - self._hold_samples)
        self._output.write(held[:, :ready])
        self.samples += ready
        self._held = held[:, ready:].copy()

    def _finish(self) -> None:
        reader = self._reader
        self._give(self._stream.flush()[0])
        samples, covered = reader.source_samples, reader.header.samples_of(reader.frames)
        if not self.samples <= samples <= covered:
            self._contradict(
                f"the trailer counts {samples} samples, but the {reader.frames} frames stand for "
                f"{covered}"
            )
        # A network with a delay leaves less than its frames stand for when the end is lost.
        rest = self._held[:, : max(0, samples - self.samples)]
        self._output.write(rest)
        self.samples += rest.shape[-1]

    def _contradict(self, reason: str) -> None:
        if self._strict:
            raise Corrupt(f"{reason}; fetch or make it again")
        self.gaps.append(Gap(self._reader.frames, 0, reason))
