"""A folder of sound files as the codes of a model, in chunks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodec.codec import Codec
from audiocodec.errors import UnsupportedAudio

from ..config import DataConfig
from ..data.corpus import read_mono
from ..data.manifest import Entry, NoData, list_entries

FloatArray = NDArray[np.float32]
_VARIED, _NOMINAL_HZ = 0.4, 24_000
HELD_BACK = "dev"
"""Folder, or split of the manifest, that is measured and not learned from."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes of a corpus: int64 [chunks, K, F] to learn from, and to measure, by category."""

    learned: Tensor
    measured: dict[str, Tensor]


def encode_corpus(codec: Codec, root: Path, *, minutes: float, say: Callable[[str], None]) -> Codes:
    """Encode so many minutes of a corpus, files in random order, and all that is held back.

    Some files are varied first (`vary`), so that there are more voices than the corpus has.
    """
    config = DataConfig(root=str(root), validation_split=HELD_BACK)
    frames = max(1, round(codec.spec.frame_rate_hz))
    learned = list_entries(config, "train")
    rng = np.random.default_rng(0)
    order = rng.permutation(len(learned))
    wanted = int(minutes * 60 * codec.spec.frame_rate_hz)
    chunks = _collect(codec, [learned[i] for i in order], frames, wanted, rng)
    say(f"{len(chunks)} chunks of {frames} frames to learn from")
    held = list_entries(config, HELD_BACK) if (root / HELD_BACK).is_dir() else []
    measured = {
        category: _collect(codec, [e for e in held if e.category == category], frames, None)
        for category in sorted({entry.category for entry in held})
    }
    if not measured:
        few = max(1, len(chunks) // 20)
        measured, chunks = {"held back": chunks[:few]}, chunks[few:]
    return Codes(chunks, measured)


def vary(wav: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a sound [T] as if from another voice, microphone and distance: speed, colour, gain."""
    faster, tilt = rng.uniform(0.8, 1.25), rng.uniform(-0.3, 0.3)
    gain = 10 ** (rng.uniform(-10, 3) / 20)
    wav = soxr.resample(wav, _NOMINAL_HZ * faster, _NOMINAL_HZ, quality="MQ")
    coloured = np.append(wav[:1], wav[1:] + tilt * wav[:-1])
    return np.clip(gain * coloured, -1, 1).astype(np.float32)


def _collect(
    codec: Codec,
    entries: Sequence[Entry],
    frames: int,
    wanted: int | None,
    rng: np.random.Generator | None = None,
) -> Tensor:
    found, count = [], 0
    for codes in _encoded(codec, entries, rng):
        whole = codes.shape[1] // frames
        found.append(codes[:, : whole * frames].reshape(len(codes), whole, frames))
        count += whole * frames
        if wanted is not None and count >= wanted:
            break
    if not count:
        raise NoData("no sound of a second or more to learn entropy coding from")
    joined = np.concatenate(found, axis=1).transpose(1, 0, 2)
    return torch.from_numpy(np.ascontiguousarray(joined, np.int64))


def _encoded(
    codec: Codec, entries: Sequence[Entry], rng: np.random.Generator | None
) -> Iterator[np.ndarray[tuple[int, int]]]:
    rate = codec.spec.sample_rate_hz
    for entry in entries:
        try:
            wav = (read_mono(entry, rate).samples / 32768).astype(np.float32)
        except UnsupportedAudio:
            continue
        if rng is not None and rng.random() < _VARIED:
            wav = vary(wav, rng)
        yield codec.encode(wav, rate).indices[0]
