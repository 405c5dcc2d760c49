"""Which files there are, and what is known of them."""

import csv
from dataclasses import dataclass
from pathlib import Path

from audiocodec.errors import AudioCodecError

from ..config import DataConfig

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".w64", ".au"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: where it is, what it is, and up to which frequency it has content."""

    path: Path
    category: str
    bandwidth_hz: float


class NoData(AudioCodecError):
    """The recipe's data folder or manifest has nothing to train on."""


def list_entries(config: DataConfig, split: str) -> list[Entry]:
    """Return the files of a split, sorted by path.

    Without a manifest, every sound file below the root is taken, or below `root/split` where
    there is such a folder. Raises NoData when nothing is found.
    """
    root = Path(config.root).expanduser()
    if not config.root or not root.is_dir():
        raise NoData(f"no data folder {config.root!r}: set data.root=FOLDER")
    if config.manifest:
        entries = _from_manifest(root / config.manifest, root, split)
    else:
        base = root / split if (root / split).is_dir() else root
        paths = sorted(p for p in base.rglob("*") if p.suffix.lower() in SUFFIXES)
        entries = [Entry(path, path.parent.name, float("inf")) for path in paths]
    if not entries:
        raise NoData(f"no sound files of split {split!r} in {root}: check data.root and manifest")
    return entries


def _from_manifest(manifest: Path, root: Path, split: str) -> list[Entry]:
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("split", split) == split]
        return [
            Entry(
                path=root / row["path"],
                category=row.get("category", ""),
                bandwidth_hz=float(row.get("bandwidth_hz") or "inf"),
            )
            for row in sorted(rows, key=lambda row: row["path"])
        ]
    except (OSError, KeyError, ValueError) as error:
        raise NoData(f"{manifest}: cannot be read as a manifest with a path column") from error
