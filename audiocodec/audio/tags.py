"""Tags of a sound file, made fit to be kept and shown."""

import unicodedata

import soundfile

KEYS = ("title", "artist", "album", "date", "comment")
MAX_CHARACTERS = 1000
"""Longer texts are cut off: some programs keep lyrics or pictures in a comment."""


def read_tags(file: soundfile.SoundFile) -> dict[str, str]:
    """Return the tags that are there and not empty, by their keys of KEYS."""
    found = file.copy_metadata()
    cleaned = {key: clean(found[key]) for key in KEYS if key in found}
    return {key: text for key, text in cleaned.items() if text}


def clean(text: str) -> str:
    """Return `text` in one line, without control characters, of at most MAX_CHARACTERS."""
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    line = " ".join(plain.split())
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3] + "..."
