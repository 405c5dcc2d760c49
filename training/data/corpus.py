"""A whole corpus resident in memory as int16, so that batches are cut, never loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from audiocodec.audio.read import open_sound
from audiocodec.audio.resample import resample
from audiocodec.errors import UnsupportedAudio

from .manifest import Entry, NoData


@dataclass(frozen=True, slots=True)
class Corpus:
    """Files end to end.

    samples: int16 [total]. starts, lengths: int64 [files], in samples.
    sample_rate_hz: of all of them. entries: one a file that could be read. unreadable: those
    that could not, with the reason.
    """

    samples: Tensor
    starts: Tensor
    lengths: Tensor
    sample_rate_hz: int
    entries: tuple[Entry, ...]
    unreadable: tuple[str, ...]

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


def read_mono(entry: Entry, sample_rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return one file as int16 [T] at the given rate, channels averaged."""
    with open_sound(entry.path) as sound:
        blocks = [block.mean(axis=0, keepdims=True) for block in sound.blocks(1 << 20)]
        rate = sound.sample_rate_hz
    wav = np.concatenate(blocks, axis=1) if blocks else np.zeros((1, 0), np.float32)
    wav = resample(wav, rate, sample_rate_hz)[0]
    return np.asarray(np.clip(np.rint(wav * 32768), -32768, 32767), dtype=np.int16)


def load_corpus(
    entries: Sequence[Entry], sample_rate_hz: int, progress: Callable[[int, int], None]
) -> Corpus:
    """Read every entry; one that cannot be read, or has no sample, is named, not fatal.

    progress: called with (files done, files). Raises NoData when nothing could be read.
    """
    waves, kept, unreadable = [], [], []
    for done, entry in enumerate(entries):
        try:
            wav = read_mono(entry, sample_rate_hz)
        except UnsupportedAudio as error:
            unreadable.append(str(error))
            continue
        finally:
            progress(done + 1, len(entries))
        if len(wav):
            waves.append(wav)
            kept.append(entry)
        else:
            unreadable.append(f"{entry.path}: no samples")
    if not waves:
        raise NoData(f"none of {len(entries)} files could be read; the first: {unreadable[0]}")
    lengths = torch.tensor([len(wav) for wav in waves])
    return Corpus(
        samples=torch.from_numpy(np.concatenate(waves)),
        starts=lengths.cumsum(0) - lengths,
        lengths=lengths,
        sample_rate_hz=sample_rate_hz,
        entries=tuple(kept),
        unreadable=tuple(unreadable),
    )
