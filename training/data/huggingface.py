"""A Hugging Face audio dataset as entries: rows are read as they come, and decoded by us."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audiocodec.errors import MissingExtra

from ..config import DataConfig
from .manifest import Entry, NoData


def stream_entries(config: DataConfig, split: str) -> Iterator[Entry]:
    """Yield the rows of a split, each with its file's bytes.

    Raises MissingExtra without `datasets`, NoData where there is no such dataset, split or column.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra(
            "data.dataset needs the scale extra: pip install 'audiocodec[scale]'"
        ) from error
    folder = Path(config.dataset).expanduser()
    name = str(folder) if folder.is_dir() else config.dataset
    try:
        loaded = datasets.load_dataset(
            name, config.dataset_config or None, split=split, streaming=config.streaming
        )
        rows = _undecoded(loaded, config.audio_column, datasets)
    except Exception as error:  # it raises many kinds, some of them of its file systems
        reason = " ".join(f"{error} {error.__cause__ or ''}".split())[:300]
        raise NoData(f"no split {split!r} of dataset {config.dataset!r}: {reason}") from error
    for i, row in enumerate(rows):
        yield _entry(row, config, Path(f"{config.dataset}[{i}]"))


def _undecoded(rows: Any, column: str, datasets: Any) -> Any:
    """Return the rows with their sound as it is stored.

    Tables hold files as bytes. Folders of files are listed by path, which `datasets` would first
    convert by torchcodec; without that, the paths are taken as text.
    """
    as_bytes = rows.cast_column(column, datasets.Audio(decode=False))
    try:
        next(iter(as_bytes), None)
    except ImportError:
        return rows.cast_column(column, datasets.Value("string"))
    return as_bytes


def _entry(row: dict[str, Any], config: DataConfig, numbered: Path) -> Entry:
    """Return a row, with its number in the dataset for a name where its file has none."""
    held = row.get(config.audio_column)
    if isinstance(held, str):
        held = {"path": held, "bytes": _fetched(held)}
    if not isinstance(held, dict) or not {"bytes", "path"} & set(held):
        raise NoData(
            f"{numbered}: the column {config.audio_column!r} holds no sound; set data.audio_column"
        )
    return Entry(
        Path(held["path"]) if held.get("path") else numbered,
        str(row.get(config.category_column, "")),
        float(row.get("bandwidth_hz") or "inf"),
        str(row.get(config.speaker_column, "")),
        held.get("bytes"),
    )


def _fetched(path: str) -> bytes | None:
    """Return the bytes of a file that is not on this disk; None for one that is."""
    if Path(path).is_file():
        return None
    import fsspec  # comes with `datasets`, and knows the Hub's addresses

    with fsspec.open(path, "rb") as file:
        return bytes(file.read())
