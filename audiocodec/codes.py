"""Codes: the value between encoder and decoder, and the unit that is saved and sent."""

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Self, cast

import numpy as np
from numpy.typing import NDArray

from audiocodec.audio.layout import row_count
from audiocodec.errors import UnsupportedLevels
from audiocodec.spec import CodecSpec

if TYPE_CHECKING:
    from audiocodec.entropy_tables import EntropyTables

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which weights made the codes: decoding with others gives noise, so files carry this.

    name: what `load` takes ("" for the embedded default's folder is never used).
    revision: commit or version of the weights, "" when unknown.
    weights_sha256: hex digest over the weights' tensors (`audiocodec.load.hash_weights`).
    """

    name: str
    revision: str
    weights_sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """The sound that was encoded, so that decoding gives back its length, rate and shape.

    ndim: axes of the input: 1 for [T], 2 for [C, T], 3 for [B, C, T].
    """

    sample_rate_hz: int
    channels: int
    samples: int
    ndim: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Quantizer indices of a sound, coarse to fine.

    indices: int32 [R, K, F]; R rows = batch x channels (a mono network codes every channel
        as a row of its own), K levels, F frames.
    spec: the grid of the codec that made them.
    source: the sound they stand for.
    model: identity of the weights, None for a codec that was never saved.
    scale: float32 [R, S], the gain of every segment, for a codec that has segments.

    Where levels have frame rates of their own (spec.level_strides), F counts frames of the
    finest, and a code that stands for several frames is repeated in all of them.
    """

    indices: IntArray
    spec: CodecSpec
    source: Source
    model: ModelIdentity | None = None
    scale: FloatArray | None = None

    @property
    def levels(self) -> int:
        """Number of quantizer levels K that are present."""
        return int(self.indices.shape[1])

    @property
    def frames(self) -> int:
        """Number of frames F."""
        return int(self.indices.shape[2])

    @property
    def duration_s(self) -> float:
        """Length of the sound in seconds."""
        return self.source.samples / self.source.sample_rate_hz

    @property
    def bitrate_bps(self) -> float:
        """Nominal bits a second of one item, all its channels counted."""
        rows_each = row_count(self.source.channels, self.spec.channels)
        return self.spec.bitrate_bps(self.levels) * rows_each

    def truncate(self, *, levels: int) -> Self:
        """Return the same codes with only the first `levels` levels: a lower bit rate.

        Raises UnsupportedLevels when fewer than `levels` are present.
        """
        if not 1 <= levels <= self.levels:
            raise UnsupportedLevels(
                f"{levels} levels asked for, but these codes hold {self.levels}; "
                f"choose 1 to {self.levels}"
            )
        return replace(self, indices=self.indices[:, :levels])

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        entropy: bool = True,
        tables: "EntropyTables | None" = None,
    ) -> None:
        """Write a `.codes` file, which appears completely or not at all.

        entropy: make it smaller by entropy coding, where there are tables for the model.
        tables: `codec.tables` of the codec that made the codes; those of the embedded model, and
            of models in the Hub's cache, are found without.
        Raises OutputExists, AudioCodecError when the place cannot be written, FormatError when
        a file cannot hold these codes: more than 1024 rows, or a sound longer than its frames.
        """
        from audiocodec.atomic import atomic_output
        from audiocodec.packing import write_codes

        with atomic_output(path, overwrite=overwrite) as file:
            write_codes(self, cast(BinaryIO, file), entropy=entropy, tables=tables)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, tables: "EntropyTables | None" = None
    ) -> "Codes":
        """Read a whole `.codes` file; `audiocodec.decode_file` needs less memory for a long one.

        tables: for an entropy coded file, `codec.tables` of the codec that made it; those of the
        embedded model, and of models in the Hub's cache, are found without.
        Where chunks hold different numbers of levels, the lowest counts. Raises FormatError,
        also for damage that `decode_file` conceals, and AudioCodecError for an unreadable file.
        """
        from audiocodec.codes_io import open_codes
        from audiocodec.packing import read_codes

        with open_codes(path) as file:
            return read_codes(file, tables=tables)
