"""Sound file to .codes file and back, block by block: memory does not grow with the length."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from audiocodec.audio.limits import PathLike
from audiocodec.audio.pcm import RawFormat
from audiocodec.audio.write import Container, SampleEncoding
from audiocodec.reports import DecodeReport as DecodeReport
from audiocodec.reports import EncodeReport as EncodeReport
from audiocodec.reports import Progress as Progress

if TYPE_CHECKING:
    from audiocodec.codec import Codec


def encode_file(
    source: PathLike | BinaryIO,
    target: PathLike | BinaryIO,
    *,
    codec: "Codec | None" = None,
    model: str | Path | None = None,
    device: str = "cpu",
    levels: int | None = None,
    bitrate_bps: float | None = None,
    mono: bool = False,
    raw: RawFormat | None = None,
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> EncodeReport:
    """Encode a sound file or stream to a .codes file or stream."""
    raise NotImplementedError


def decode_file(
    source: PathLike | BinaryIO,
    target: PathLike | BinaryIO,
    *,
    codec: "Codec | None" = None,
    model: str | Path | None = None,
    device: str = "cpu",
    levels: int | None = None,
    encoding: SampleEncoding = "pcm16",
    container: Container = "wav",
    strict: bool = False,
    force_model: bool = False,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> DecodeReport:
    """Decode a .codes file or stream to a sound file or stream."""
    raise NotImplementedError
