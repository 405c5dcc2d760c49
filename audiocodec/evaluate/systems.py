"""What makes copies of a sound: a model at some of its rates, or another codec."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import AudioCodecError, UnsupportedLevels

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.codes import Codes

    from .clips import Clip, Sound

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Point:
    """One way to make a copy.

    system: the codec. label: which of its rates. identity: everything that its copies depend on,
    for a run that goes on. kbps: nominal kilobits a second, None where nobody knows.
    """

    system: str
    label: str
    identity: str
    kbps: float | None

    @property
    def name(self) -> str:
        """Both, such as "opus 6 kbps"."""
        return f"{self.system} {self.label}"


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy [T'] of a sound, at its rate.

    payload_bytes: what the codes or packets take; file_bytes: with headers and checksums.
    codes: of a model, else None.
    """

    point: Point
    wav: FloatArray
    payload_bytes: int | None = None
    file_bytes: int | None = None
    codes: "Codes | None" = None


class System(Protocol):
    """Something that makes copies; it goes to other processes, so it has to be a plain value."""

    @property
    def points(self) -> tuple[Point, ...]:
        """The rates, from low to high."""

    def copies(self, clip: "Clip", sound: "Sound", points: tuple[Point, ...]) -> Iterator[Copy]:
        """Yield the copies of a sound at some of the points. Raises AudioCodecError."""


@dataclass(frozen=True, slots=True)
class ModelSystem:
    """A model of this package at some numbers of levels.

    model: what `audiocodec.load` takes. name: in reports. digest: of the weights. tables: identity
    of what its files are entropy coded with, as sizes depend on it.
    """

    model: str | None
    name: str
    digest: str
    levels: tuple[int, ...]
    kbps: tuple[float, ...]
    device: str = "cpu"
    tables: str = ""

    @property
    def points(self) -> tuple[Point, ...]:
        """One for each number of levels."""
        made_by = f"model:{self.digest}" + (f"+{self.tables}" if self.tables else "")
        return tuple(
            Point(self.name, f"{kbps:g} kbps", f"{made_by}:{levels}", kbps)
            for levels, kbps in zip(self.levels, self.kbps, strict=True)
        )

    def copies(self, clip: "Clip", sound: "Sound", points: tuple[Point, ...]) -> Iterator[Copy]:
        """Encode once, with the most levels, and decode at each point."""
        codec = load_codec(self.model, self.device)
        wanted = [
            (point, levels)
            for point, levels in zip(self.points, self.levels, strict=True)
            if point in points
        ]
        if not wanted:
            return
        most = max(levels for _, levels in wanted)
        codes = codec.encode(sound.wav, sound.sample_rate_hz, levels=most)
        for point, levels in wanted:
            kept = codes.truncate(levels=levels)
            file_bytes = size_of(kept)
            yield Copy(
                point,
                codec.decode(kept).numpy(),
                payload_bytes=file_bytes - header_bytes(kept),
                file_bytes=file_bytes,
                codes=kept,
            )


def model_system(
    model: str | None,
    *,
    bitrates_kbps: tuple[float, ...] = (),
    levels: tuple[int, ...] = (),
    device: str = "cpu",
) -> ModelSystem:
    """Load a model and choose its points: bit rates snapped down to levels, or the levels.

    With neither, 1, 2, 4 ... and all levels. Bit rates below the lowest are left out, unless all
    are. Raises UnknownModel, WeightsMismatch, UnsupportedLevels.
    """
    codec = load_codec(model, device)
    spec = codec.spec
    chosen = {spec.check_levels(count) for count in levels}
    for kbps in bitrates_kbps:
        try:
            chosen.add(spec.levels_for_bitrate(1000 * kbps))
        except UnsupportedLevels:
            if kbps == max(bitrates_kbps):
                raise
    if not chosen:
        chosen = {spec.levels} | {1 << i for i in range(spec.levels.bit_length())}
    counts = tuple(sorted(count for count in chosen if count <= spec.levels))
    identity = codec.identity
    return ModelSystem(
        model=model,
        name=(identity.name if identity else "") or "model",
        digest=identity.weights_sha256[:16] if identity else "",
        levels=counts,
        kbps=tuple(spec.bitrate_bps(count) / 1000 for count in counts),
        device=device,
        tables=codec.tables.identity[:12] if codec.tables else "",
    )


@lru_cache(maxsize=4)
def load_codec(model: str | None, device: str = "cpu") -> "Codec":
    """Return a model, loaded once a process."""
    from audiocodec.load import load

    return load(model, device=device)


def size_of(codes: "Codes") -> int:
    """Return the bytes of the .codes file."""
    from audiocodec.packing import write_codes

    file = io.BytesIO()
    write_codes(codes, file)
    return len(file.getvalue())


def header_bytes(codes: "Codes") -> int:
    """Return the bytes of a .codes file of no sound at all: header and end, without codes."""
    from dataclasses import replace

    none = replace(
        codes, indices=codes.indices[..., :0], source=replace(codes.source, samples=0), scale=None
    )
    return size_of(none)


@dataclass(frozen=True, slots=True)
class FolderSystem:
    """Copies that somebody else made: files of a folder, named like the references.

    Any suffix will do. The rate is unknown.
    """

    folder: Path
    name: str

    @property
    def points(self) -> tuple[Point, ...]:
        """One."""
        return (Point(self.name, "files", f"folder:{self.folder.resolve()}", None),)

    def copies(self, clip: "Clip", sound: "Sound", points: tuple[Point, ...]) -> Iterator[Copy]:
        """Read the copy of a clip; where the reference was cut out of a longer file, so is it.

        Raises UnsupportedAudio where there is none.
        """
        from .clips import read_sound

        copy = read_sound(self._find(clip))
        wav = to_rate(copy.wav, copy.sample_rate_hz, sound.sample_rate_hz)
        whole = read_sound(clip.path)
        if len(whole.wav) > len(sound.wav):
            begin = (len(whole.wav) - len(sound.wav)) // 2
            wav = wav[begin : begin + len(sound.wav)]
        yield Copy(self.points[0], wav)

    def _find(self, clip: "Clip") -> Path:
        stems = (Path(clip.name).with_suffix(""), Path(clip.path.stem))
        for stem in stems:
            place = self.folder / stem
            for path in sorted(place.parent.glob(f"{_escaped(place.name)}.*")):
                if path.is_file():
                    return path
        raise AudioCodecError(
            f"{self.folder} has no copy of {clip.name}; looked for {stems[0]}.* and {stems[1]}.*"
        )


def to_rate(wav: FloatArray, from_hz: int, to_hz: int) -> FloatArray:
    """Return a wave [T] at another rate."""
    from audiocodec.audio.resample import resample

    return wav if from_hz == to_hz else resample(wav[None], from_hz, to_hz)[0]


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


@dataclass(frozen=True, slots=True)
class LowPassSystem:
    """The sound itself without what lies above some frequencies: the anchors of ITU-R BS.1534."""

    cutoffs_hz: tuple[int, ...]
    name: str = "low-pass"

    @property
    def points(self) -> tuple[Point, ...]:
        """One for each frequency."""
        return tuple(
            Point(self.name, f"{cutoff / 1000:g} kHz", f"lowpass:{cutoff}", None)
            for cutoff in sorted(self.cutoffs_hz)
        )

    def copies(self, clip: "Clip", sound: "Sound", points: tuple[Point, ...]) -> Iterator[Copy]:
        """Take out the top by a filter of linear phase, without delay."""
        for point, cutoff in zip(self.points, sorted(self.cutoffs_hz), strict=True):
            if point in points:
                yield Copy(point, low_pass(sound.wav, sound.sample_rate_hz, cutoff))


def low_pass(wav: FloatArray, sample_rate_hz: int, cutoff_hz: float) -> FloatArray:
    """Return a wave [T] without what is above `cutoff_hz`; the slope is a twentieth of it wide."""
    spectrum = np.fft.rfft(wav.astype(np.float64))
    hz = np.fft.rfftfreq(len(wav), 1 / sample_rate_hz)
    slope = np.clip((hz - cutoff_hz) / (0.05 * cutoff_hz), 0, 1)
    spectrum *= 0.5 * (1 + np.cos(np.pi * slope))
    return np.fft.irfft(spectrum, len(wav)).astype(np.float32)
