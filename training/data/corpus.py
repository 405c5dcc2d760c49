"""A whole corpus resident in memory as int16, so that batches are cut, never loaded."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodec.audio.read import open_sound
from audiocodec.audio.resample import resample
from audiocodec.errors import UnsupportedAudio

from .manifest import Entry, NoData

Int16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Files end to end.

    samples: int16 [total]. starts, lengths: int64 [files], in samples.
    sample_rate_hz: of all of them. entries: one a file that could be read. unreadable: those
    that could not, with the reason. resampled: how many had another rate.
    """

    samples: Tensor
    starts: Tensor
    lengths: Tensor
    sample_rate_hz: int
    entries: tuple[Entry, ...]
    unreadable: tuple[str, ...]
    resampled: int = 0

    @property
    def total_samples(self) -> int:
        """Samples of all files together."""
        return int(self.lengths.sum())

    def wav(self, index: int) -> Tensor:
        """Return one file as float32 [T]."""
        start, length = int(self.starts[index]), int(self.lengths[index])
        return self.samples[start : start + length].float() / 32768

    def resident(self, device: torch.device) -> "Corpus":
        """Return the corpus with its samples on a GPU, to be cropped there, if half of it is free.

        Elsewhere, and where they are too many, it is returned as it is.
        """
        if device.type != "cuda":
            return self
        free, _ = torch.cuda.mem_get_info(device)
        if 2 * self.samples.nbytes > free:
            return self
        return replace(self, samples=self.samples.to(device))


@dataclass(frozen=True, slots=True)
class Mono:
    """One file's samples int16 [T], and whether its rate was another one."""

    samples: Int16
    resampled: bool


def read_mono(entry: Entry, sample_rate_hz: int) -> Mono:
    """Return one file at the given rate, channels averaged. Raises UnsupportedAudio."""
    source = entry.path if entry.sound is None else io.BytesIO(entry.sound)
    try:
        with open_sound(source) as sound:
            blocks = [block.mean(axis=0, keepdims=True) for block in sound.blocks(1 << 20)]
            rate = sound.sample_rate_hz
    except UnsupportedAudio as error:
        if entry.sound is None:
            raise
        raise UnsupportedAudio(f"{entry.path}: {error}") from error
    wav = np.concatenate(blocks, axis=1) if blocks else np.zeros((1, 0), np.float32)
    wav = resample(wav, rate, sample_rate_hz)[0]
    samples = np.asarray(np.clip(np.rint(wav * 32768), -32768, 32767), dtype=np.int16)
    return Mono(samples, rate != sample_rate_hz)


def load_corpus(
    entries: Iterable[Entry],
    sample_rate_hz: int,
    progress: Callable[[int], None],
    *,
    max_hours: float = 0.0,
) -> Corpus:
    """Read every entry; one that cannot be read, or has no sample, is named, not fatal.

    progress: called with the number of files done. max_hours: enough is read by then (0: all).
    Raises NoData when nothing could be read.
    """
    waves, kept, unreadable, resampled = [], [], [], 0
    enough = max_hours * 3600 * sample_rate_hz or float("inf")
    total = done = 0
    for done, entry in enumerate(entries, start=1):
        try:
            mono = read_mono(entry, sample_rate_hz)
        except UnsupportedAudio as error:
            unreadable.append(str(error))
            continue
        finally:
            progress(done)
        if not len(mono.samples):
            unreadable.append(f"{entry.path}: no samples")
            continue
        waves.append(mono.samples)
        kept.append(replace(entry, sound=None))
        resampled += mono.resampled
        total += len(mono.samples)
        if total >= enough:
            break
    if not waves:
        first = f"; the first: {unreadable[0]}" if unreadable else ""
        raise NoData(f"none of {done} files could be read{first}")
    lengths = torch.tensor([len(wav) for wav in waves])
    return Corpus(
        samples=torch.from_numpy(np.concatenate(waves)),
        starts=lengths.cumsum(0) - lengths,
        lengths=lengths,
        sample_rate_hz=sample_rate_hz,
        entries=tuple(kept),
        unreadable=tuple(unreadable),
        resampled=resampled,
    )


SILENT, CLIPPED_SHARE = 33, 1e-3
"""A peak of less than -60 dB of full scale; a share of samples at full scale."""


def remarks(corpus: Corpus, segment_samples: int) -> list[str]:
    """Return what is odd about the files, a line each: how many, and the first one's name."""
    peaks, clipped = [], []
    for start, length in zip(corpus.starts.tolist(), corpus.lengths.tolist(), strict=True):
        loudness = corpus.samples[start : start + length].int().abs()
        peaks.append(int(loudness.max()))
        clipped.append(float((loudness >= 32767).float().mean()))
    kinds = {
        "shorter than a segment, followed by silence": corpus.lengths < segment_samples,
        "silent": torch.tensor(peaks) < SILENT,
        "clipped": torch.tensor(clipped) > CLIPPED_SHARE,
    }
    lines = []
    for kind, files in kinds.items():
        if count := int(files.sum()):
            first = corpus.entries[int(files.nonzero()[0])].path
            lines.append(f"{count} of {len(corpus.entries)} files {kind}, as {first}")
    if corpus.resampled:
        lines.append(f"{corpus.resampled} files resampled to {corpus.sample_rate_hz} Hz")
    return lines
