"""Which files there are, and what is known of them."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audiocodec.errors import AudioCodecError

from ..config import DataConfig

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".w64", ".au"}
WHOLE_FOLDER = "train"
"""A folder that is not divided is all of this split, which is the default."""


HELD_OUT_EVERY = 20
"""Of VCTK's speakers, which has no splits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: where it is, what it is, and up to which frequency it has content.

    speaker: "" where nobody knows. sound: the file's bytes where it is not on disk.
    """

    path: Path
    category: str
    bandwidth_hz: float
    speaker: str = ""
    sound: bytes | None = None


class NoData(AudioCodecError):
    """The recipe's data folder or manifest has nothing to train on."""


def list_entries(config: DataConfig, split: str) -> list[Entry]:
    """Return the files of a split, sorted by path.

    With a manifest: its rows of that split, or all rows where it has no such column. Without
    one: the sound files below `root/split`, each of the category that its folder is called;
    where there is no such folder, "train" is everything below the root but the validation
    split's folder. Other layouts know speakers, too. Raises NoData when nothing is found.
    """
    root = Path(config.root).expanduser()
    if not config.root or not root.is_dir():
        raise NoData(f"no data folder {config.root!r}: set data.root=FOLDER")
    if config.manifest:
        entries = _from_manifest(root / config.manifest, root, split)
    elif config.layout == "vctk":
        entries = _from_vctk(root, held_out=split == config.validation_split)
    else:
        entries = _from_folder(config, root, split)
    if not entries:
        raise NoData(
            f"no sound files of split {split!r} in {root}: check data.root, data.manifest, "
            f"data.layout, data.train_split and data.validation_split"
        )
    return entries


def _from_folder(config: DataConfig, root: Path, split: str) -> list[Entry]:
    base, left_out = root / split, root / config.validation_split
    if not base.is_dir():
        if split != WHOLE_FOLDER:
            return []
        base = root
    paths = [p for p in _sounds(base) if base != root or left_out not in p.parents]
    if config.layout == "libritts":
        return [_speech(path, path.relative_to(base).parts[0]) for path in paths]
    return [Entry(path, path.parent.name, float("inf")) for path in paths]


def _from_vctk(root: Path, *, held_out: bool) -> list[Entry]:
    """Return the files below speakers' folders, the first microphone's where there are two."""
    paths = [path for path in _sounds(root) if not path.stem.endswith("_mic2")]
    speakers = sorted({path.parent.name for path in paths})
    for_validation = set(speakers[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY] or speakers[-1:])
    return [
        _speech(path, path.parent.name)
        for path in paths
        if (path.parent.name in for_validation) == held_out
    ]


def _speech(path: Path, speaker: str) -> Entry:
    return Entry(path, "speech", float("inf"), speaker)


def _sounds(base: Path) -> list[Path]:
    paths = (path for path in base.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [path for path in sorted(paths) if path.is_file()]


def _from_manifest(manifest: Path, root: Path, split: str) -> list[Entry]:
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {"path", "file_name"} & set(reader.fieldnames or ()):
                raise NoData(f"{manifest}: a column path (or file_name) is needed in line 1")
            rows = [(reader.line_num, row) for row in reader if row.get("split", split) == split]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NoData(f"{manifest}: cannot be read as a CSV manifest: {error}") from error
    entries = [_entry(row, root, f"{manifest} line {line}") for line, row in rows]
    return sorted(entries, key=lambda entry: entry.path)


def _entry(row: Mapping[str, str | None], root: Path, where: str) -> Entry:
    # file_name is what Hugging Face's metadata.csv calls it.
    name = row.get("path") or row.get("file_name")
    if not name:
        raise NoData(f"{where}: the path is empty")
    try:
        bandwidth_hz = float(row.get("bandwidth_hz") or "inf")
    except ValueError as error:
        raise NoData(f"{where}: bandwidth_hz is {row['bandwidth_hz']!r}, no number") from error
    speaker = row.get("speaker") or row.get("speaker_id") or ""
    return Entry(root / name, row.get("category") or "", bandwidth_hz, speaker)
