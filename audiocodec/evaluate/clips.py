"""Which sounds of a folder are measured, and their samples."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocodec.audio.read import open_sound
from audiocodec.errors import UnsupportedAudio

FloatArray = NDArray[np.float32]

SUFFIXES = frozenset(
    [
        ".aif",
        ".aifc",
        ".aiff",
        ".au",
        ".caf",
        ".flac",
        ".mp3",
        ".oga",
        ".ogg",
        ".opus",
        ".rf64",
        ".snd",
        ".w64",
        ".wav",
        ".wave",
    ]
)
FULL_BAND_HZ = 10_000
"""A manifest's bandwidth_hz from which a clip counts as full-band."""
UNSORTED = "all"
"""Category of clips of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One file: its name in reports, its category, and what else it counts as.

    groups: names under which it is averaged; the category comes first.
    listen: whether it gets a player on the page. counts: whether it goes into means.
    """

    path: Path
    name: str
    category: str
    groups: tuple[str, ...]
    listen: bool = False
    counts: bool = True


def list_clips(
    folder: Path, split: str | None = None, *, manifest: Path | None = None
) -> list[Clip]:
    """Return the sounds of a folder, by category and name.

    With a manifest.csv in it, or another file given as `manifest` (columns path, below `folder`,
    and as wanted split, category, bandwidth_hz), its rows are taken, of one split where that is
    given; without one, all sound files below.
    Raises UnsupportedAudio where there are none.
    """
    if not folder.is_dir():
        raise UnsupportedAudio(f"{folder}: there is no such folder; check the path")
    table = manifest or folder / "manifest.csv"
    if manifest is not None or table.is_file():
        clips = _from_manifest(folder, table, split)
    else:
        base = folder / split if split and (folder / split).is_dir() else folder
        found = (path for path in base.rglob("*") if path.suffix.lower() in SUFFIXES)
        clips = [
            Clip(path, path.relative_to(folder).as_posix(), UNSORTED, (UNSORTED,)) for path in found
        ]
    if not clips:
        of_split = f" of split {split!r}" if split else ""
        raise UnsupportedAudio(f"{folder}: no sound files{of_split}; name a folder that has some")
    return sorted(clips, key=lambda clip: (*group_order(clip.category), clip.name))


def group_order(group: str) -> tuple[int, str]:
    """Return a key to sort groups by: speech, music, sound, then others; parts after wholes."""
    known = ("speech", "music", "sound")
    category, _, part = group.partition(",")
    place = known.index(category) if category in known else len(known)
    return (2 * place + bool(part), group)


def spread(clips: list[Clip], limit: int | None) -> list[Clip]:
    """Return at most `limit` clips of every category, evenly spread; None keeps all."""
    if limit is None:
        return clips
    kept: list[Clip] = []
    for category in sorted({clip.category for clip in clips}, key=group_order):
        some = [clip for clip in clips if clip.category == category]
        count = min(limit, len(some))
        kept += [some[int(place)] for place in np.linspace(0, len(some) - 1, count)]
    return kept


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono samples [T] of a clip, and a digest over them and their rate."""

    wav: FloatArray
    sample_rate_hz: int

    @property
    def digest(self) -> str:
        """Hex digest over samples and rate."""
        digest = hashlib.sha256(str(self.sample_rate_hz).encode())
        digest.update(np.ascontiguousarray(self.wav).tobytes())
        return digest.hexdigest()[:16]


def read_sound(path: Path, seconds: float | None = None) -> Sound:
    """Return a file mixed down to mono; `seconds` from its middle, None for all of it.

    Raises UnsupportedAudio, also for NaN and infinity in the file.
    """
    with open_sound(path) as sound:
        rate_hz = sound.sample_rate_hz
        blocks = [block.mean(axis=0) for block in sound.blocks(1 << 16)]
    wav = np.concatenate([np.zeros(0, np.float32), *blocks]).astype(np.float32)
    length = len(wav) if seconds is None else min(len(wav), round(seconds * rate_hz))
    begin = (len(wav) - length) // 2
    return Sound(wav[begin : begin + length], rate_hz)


def _from_manifest(folder: Path, manifest: Path, split: str | None) -> list[Clip]:
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if "path" not in (reader.fieldnames or ()):
                raise UnsupportedAudio(f"{manifest}: a column named path is needed")
            rows = [row for row in reader if not split or row.get("split", split) == split]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnsupportedAudio(f"cannot read {manifest}: {error}") from error
    return [_clip(folder, manifest, row) for row in rows]


def _clip(folder: Path, manifest: Path, row: dict[str, str]) -> Clip:
    category = row.get("category") or UNSORTED
    groups: tuple[str, ...] = (category,)
    if bandwidth_hz := row.get("bandwidth_hz"):
        try:
            full = float(bandwidth_hz) >= FULL_BAND_HZ
        except ValueError:
            raise UnsupportedAudio(
                f"{manifest}: bandwidth_hz of {row['path']} is no number: {bandwidth_hz!r}"
            ) from None
        groups = (category, f"{category}, {'full-band' if full else 'band-limited'}")
    return Clip(folder / row["path"], row["path"], category, groups)
