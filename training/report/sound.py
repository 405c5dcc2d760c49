"""Clips for the page: sound and spectrograms as data that a page can hold."""

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from audiocodec.evaluate.pictures import RANGE_DB, heat, spectrogram_db

ROWS, COLUMNS = 160, 480
"""Of a spectrogram."""

Wave = NDArray[np.float32]


def read_clip(path: Path) -> tuple[Wave, int]:
    """Return a clip's samples [T] and its rate."""
    wav, rate = soundfile.read(path, dtype="float32")
    return np.asarray(wav if wav.ndim == 1 else wav.mean(axis=1), dtype=np.float32), int(rate)


def player(wav: Wave, rate: int, label: str) -> str:
    """Return an audio element that holds its sound, as FLAC."""
    held = io.BytesIO()
    soundfile.write(held, wav, rate, format="FLAC", subtype="PCM_16")
    data = base64.b64encode(held.getvalue()).decode()
    source = f'src="data:audio/flac;base64,{data}"'
    return f'<audio controls preload=none aria-label="{label}" {source}></audio>'


def spectrogram(wav: Wave, label: str) -> str:
    """Return an image element that holds the spectrogram of a wave [T], low frequencies below."""
    if not len(wav):
        return ""
    shares = np.clip(spectrogram_db(wav) / RANGE_DB + 1, 0, 1)[::-1]
    rows = np.linspace(0, len(shares) - 1, ROWS).round().astype(int)
    columns = np.linspace(0, shares.shape[1] - 1, COLUMNS).round().astype(int)
    data = base64.b64encode(png(heat(shares[rows][:, columns]))).decode()
    return f'<img alt="spectrogram of {label}" loading=lazy src="data:image/png;base64,{data}">'


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels [rows, columns, 3] as a PNG file."""
    rows, columns, _ = pixels.shape
    # Every row begins with its filter: 2, the difference to the row above.
    above = np.concatenate([np.zeros_like(pixels[:1]), pixels[:-1]])
    filtered = np.full((rows, 1 + 3 * columns), 2, np.uint8)
    filtered[:, 1:] = (pixels - above).reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
