"""The same loudness for all that is encoded, and the source's own again when it is decoded."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, cast

from audiocodec.audio.layout import to_mono
from audiocodec.audio.limits import PathLike
from audiocodec.audio.loudness import LoudnessMeter
from audiocodec.audio.pcm import RawFormat
from audiocodec.audio.read import open_sound
from audiocodec.errors import UnsupportedAudio

LOUDNESS, GAIN = "loudness_lufs", "gain_db"
"""Keys of metadata: of the source before it was amplified, and by how much it was."""
HIGHEST_DBFS = -1.0
MOST_DB = 60.0
_BLOCK_SAMPLES = 1 << 16


@dataclass(frozen=True, slots=True)
class Level:
    """What a sound is amplified by. loudness_lufs: of the source; None: too short or silent."""

    loudness_lufs: float | None
    gain_db: float

    @property
    def factor(self) -> float:
        """What samples are multiplied by."""
        return math.pow(10.0, self.gain_db / 20)

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What a file keeps of it."""
        pairs = [(GAIN, f"{self.gain_db:.2f}")]
        if self.loudness_lufs is not None:
            pairs.insert(0, (LOUDNESS, f"{self.loudness_lufs:.2f}"))
        return pairs


def measure_level(
    source: PathLike | BinaryIO, target_lufs: float, *, raw: RawFormat | None, mono: bool
) -> Level:
    """Read a sound once; return what brings it to a loudness, with its peak below -1 dBFS.

    Nothing is done to what is too short or silent, and nothing beyond 60 dB. Raises
    UnsupportedAudio for a source that cannot be read twice, or not at all.
    """
    path = source if isinstance(source, (str, os.PathLike)) else None
    stream = None if path is not None else cast(BinaryIO, source)
    once = path is not None and os.path.exists(path) and not os.path.isfile(path)  # a pipe's name
    if once or (stream is not None and not stream.seekable()):
        raise UnsupportedAudio(
            "the loudness of a stream is not known before its end; give a file to normalise"
        )
    start = stream.tell() if stream is not None else 0
    with open_sound(source, raw=raw) as sound:
        meter = LoudnessMeter(sound.sample_rate_hz, 1 if mono else sound.channels)
        for block in sound.blocks(_BLOCK_SAMPLES):
            meter.push(to_mono(block) if mono else block)
    if stream is not None:
        stream.seek(start)
    loudness = meter.loudness_lufs()
    if loudness is None:
        return Level(None, 0.0)
    room_db = HIGHEST_DBFS - 20 * math.log10(meter.peak)
    gain_db = min(target_lufs - loudness, room_db)
    return Level(loudness, round(max(-MOST_DB, min(gain_db, MOST_DB)), 2))


def undoing_factor(metadata: Iterable[tuple[str, str]]) -> float:
    """Return what gives a decoded sound its own level back; 1 where nothing was done to it."""
    for key, text in metadata:
        if key == GAIN:
            try:
                gain_db = float(text)
            except ValueError:
                return 1.0
            return math.pow(10.0, -gain_db / 20) if abs(gain_db) <= MOST_DB else 1.0  # NaN: neither
    return 1.0
