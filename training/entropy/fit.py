"""One level's network: how it is shown the codes around, and how it is trained."""

import math
import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.bitstream.context import HIGHEST, STEPS

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of all levels' networks.

    dim: P, dimensions of a code's vector. window, previous: as in `ContextTables`. hidden, out:
    units of the two layers below the scores.
    """

    dim: int = 48
    window: int = 1
    previous: int = 1
    hidden: int = 256
    out: int = 64

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return (2 * self.window + 2 + self.previous + 2) * self.dim


@dataclass(frozen=True, slots=True)
class Sight:
    """What the network of one level sees of chunks, all whole numbers in int16.

    sums: [chunks, F, P], of the levels below. below: the vectors of those levels, nearest first,
    [chunks, F] codes and the float [N, P] table of each. vectors: float [N, P], its own.
    """

    codes: Tensor
    sums: Tensor
    below: tuple[tuple[Tensor, Tensor], ...]
    vectors: Tensor

    def inputs(self, chosen: Tensor, shape: Shape) -> Tensor:
        """Return the inputs [B, F, I] for some chunks, in the order that `ContextCoder` has."""
        sums = self.sums[chosen].float()
        frames, reach = sums.shape[1], shape.window
        around = functional.pad(sums, (0, 0, reach, reach))
        parts = [around[:, place : place + frames] for place in range(2 * reach + 1)]
        parts.append((sums.sum(1, keepdim=True) / frames).floor().expand_as(sums))
        parts += [table[codes[chosen]] for codes, table in self.below]
        own = self.vectors[self.codes[chosen]]
        for neighbours in _neighbours(frames):
            known = (neighbours >= 0).float()[:, None]
            parts.append(own[:, neighbours.clamp(min=0)] * known)
        return torch.cat(parts, dim=-1)


def units_of(sight: Sight, shape: Shape) -> Tensor:
    """Return the root mean square [I] of each P inputs that belong together."""
    some = torch.arange(0, len(sight.codes), max(1, len(sight.codes) // 100))
    squares = sight.inputs(some, shape).square().mean(dim=(0, 1)).reshape(-1, shape.dim)
    return squares.mean(dim=1).sqrt().clamp(min=1.0).repeat_interleave(shape.dim)


class LevelModel(nn.Module):
    """The network in floating point: what `integers` then rounds.

    units: [I], what inputs are divided by, so that they are about as large as each other.
    prior: [N], logarithms of how often each code is met.
    """

    units: Tensor
    prior: Tensor

    def __init__(self, shape: Shape, vectors: Tensor, counts: Tensor, units: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("units", units)
        self.first = nn.Linear(shape.inputs, shape.hidden)
        self.by_pass = nn.Parameter(torch.zeros(len(STEPS), shape.hidden))
        self.second = nn.Linear(shape.hidden, shape.out)
        nn.init.normal_(self.second.weight, std=0.3 / math.sqrt(shape.hidden))
        # Scores begin as inner products with the codes' own vectors: near ones are alike.
        scores = torch.randn(len(vectors), shape.out) * 0.5
        units_each = vectors / vectors.square().mean().sqrt().clamp(min=1e-6)
        scores[:, : shape.dim] = units_each[:, : shape.out]
        self.scores = nn.Parameter(scores)
        self.register_buffer("prior", ((counts + 0.5) / (counts + 0.5).sum()).log())
        self.bias = nn.Parameter(self.prior.clone())

    def hidden(self, inputs: Tensor) -> Tensor:
        """Return the hidden units [B, F, H]."""
        bias = self.by_pass[pass_of(inputs.shape[1])]
        return torch.relu(self.first(inputs / self.units) + bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [B * F, N]."""
        middle = self.second(self.hidden(inputs)).flatten(0, 1)
        return torch.addmm(self.bias, middle, self.scores.T)


def train_level(model: LevelModel, sight: Sight, *, seconds: float, batch: int = 20) -> int:
    """Train for so many seconds of CPU time; return the number of steps."""
    rate, warm_up = 3e-3, 50
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(0)
    order, place, steps = torch.empty(0, dtype=torch.int64), 0, 0
    tried = _Precisions()
    started = time.process_time()
    while (done := (time.process_time() - started) / seconds) < 1:
        if place + batch > len(order):
            order, place = torch.randperm(len(sight.codes), generator=generator), 0
        chosen = order[place : place + batch]
        place += batch
        cosine = 0.02 + 0.49 * (1 + math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"] = rate * cosine * min(1, (steps + 1) / warm_up)
        begun = time.process_time()
        half = tried.choose()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = model(sight.inputs(chosen, model.shape))
            loss = functional.cross_entropy(logits.float(), sight.codes[chosen].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        tried.took(half, time.process_time() - begun)
        steps += 1
    return steps


class _Precisions:
    """Whether products of bfloat16 are quicker on this CPU: tried in turn by the first steps."""

    def __init__(self) -> None:
        self._seconds: dict[bool, list[float]] = {True: [], False: []}

    def choose(self) -> bool:
        """Return whether to take bfloat16 for the next step."""
        half, full = self._seconds[True], self._seconds[False]
        if len(half) < _TRIES:
            return len(half) < len(full)
        return statistics.median(half) < statistics.median(full)

    def took(self, half: bool, seconds: float) -> None:
        """Take note of a step."""
        if len(self._seconds[half]) < _TRIES:
            self._seconds[half].append(seconds)


def pass_of(frames: int) -> Tensor:
    """Return int64 [F]: the number of the pass that codes each frame."""
    numbers = torch.empty(frames, dtype=torch.int64)
    for number, step in enumerate(STEPS):
        numbers[0 if number == 0 else step :: step if number == 0 else 2 * step] = number
    return numbers


def sum_inputs(sums: Tensor, shift: int) -> Tensor:
    """Return the inputs that the running sums give, as int16."""
    return (sums >> shift).clamp(-HIGHEST, HIGHEST).to(torch.int16)


def _neighbours(frames: int) -> tuple[Tensor, Tensor]:
    """Return int64 [F]: the known neighbour before, and after, each frame; -1 for none."""
    places, number = torch.arange(frames), pass_of(frames)
    step = torch.tensor(STEPS)[number]
    before = torch.where(number > 0, places - step, -1)
    after = torch.where((number > 0) & (places + step < frames), places + step, -1)
    return before, after
