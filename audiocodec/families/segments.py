"""Sound in overlapping segments that are coded one by one, as EnCodec does at 48 kHz."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from audiocodec.layers.state import State

_BLOCK = 256


def cut_segments(
    wav: Tensor, *, samples: int, stride: int, hop: int, last: bool
) -> tuple[list[Tensor], Tensor]:
    """Cut all complete segments off wav [R, C, T]; return them and the sound behind.

    A segment begins every `stride` samples, and so many are dropped for each. With `last` also
    the incomplete ones are cut. Only the very last may lack frames of `hop` samples: if the one
    before it would, too, as it ends with the sound a few samples later, silence makes up for it.
    """
    segments = []
    rest = wav.shape[-1] % stride
    if last and rest and wav.shape[-1] > stride:
        wav = functional.pad(wav, (0, max(0, (samples - 1) // hop * hop + 1 - stride - rest)))
    while wav.shape[-1] >= samples or (last and wav.shape[-1]):
        segments.append(wav[..., :samples])
        wav = wav[..., stride:]
    return segments, wav


def loudness(wav: Tensor) -> Tensor:
    """Return the root mean square [R, 1] of the mean of all channels of wav [R, C, T]."""
    mono, length = wav.mean(dim=1), wav.shape[-1]
    # Sums of equal blocks: their bits do not depend on the number of threads.
    blocks = functional.pad(mono, (0, -length % _BLOCK)).double().square()
    sums = blocks.reshape(len(wav), -1, _BLOCK).sum(dim=-1).sum(dim=-1, keepdim=True)
    return (sums / length).sqrt().float() + 1e-8


@dataclass(frozen=True, slots=True)
class Crossfade:
    """Adds up overlapping segments, each weighted by a triangle over its `samples`.

    The state is a tuple of the weighted sum and of the sum of the weights, from the first sample
    on that the next segment may change.
    """

    samples: int
    stride: int

    def add(self, wav: Tensor, state: State) -> tuple[Tensor, State]:
        """Add a segment [R, C, T], which may be shorter; return (what is complete, state)."""
        position = torch.linspace(0, 1, self.samples + 2, device=wav.device)[1:-1]
        weight = (0.5 - (position - 0.5).abs())[: wav.shape[-1]]
        total, weights = wav * weight, weight
        if isinstance(state, tuple):
            before, weights_before = state
            assert isinstance(before, Tensor) and isinstance(weights_before, Tensor)
            total, weights = _sum(before, total), _sum(weights_before, weights)
        ready = total[..., : self.stride] / weights[: self.stride]
        return ready, (total[..., self.stride :], weights[self.stride :])

    def rest(self, state: State) -> Tensor:
        """Return what no segment came to change."""
        assert isinstance(state, tuple)
        total, weights = state
        assert isinstance(total, Tensor) and isinstance(weights, Tensor)
        return total / weights


def _sum(a: Tensor, b: Tensor) -> Tensor:
    """Return the sum of two signals from the same sample on, the shorter followed by silence."""
    length = max(a.shape[-1], b.shape[-1])
    return functional.pad(a, (0, length - a.shape[-1])) + functional.pad(
        b, (0, length - b.shape[-1])
    )
