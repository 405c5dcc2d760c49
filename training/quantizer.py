"""Training of a residual quantizer: moving-average codebooks, k-means start, revival, dropout.

Source: SoundStream, section III-C. Three facts that others learnt the hard way are built in:
revived vectors get fresh averages as well, or the old ones overwrite them at once; averages are
gathered over several small batches before they move anything; and everything that is drawn
comes from one generator that a checkpoint can store, for the whole batch at once, so that
several processes, or several pieces of a batch, come to the same codebooks.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from audiocodec.evaluate.usage import diversity
from audiocodec.quantize.residual import ResidualQuantizer

from .config import QuantizerConfig
from .group import ALONE, Group
from .kmeans import kmeans


@dataclass(frozen=True, slots=True)
class Quantized:
    """latents: [B, D, F] with a straight-through gradient; commitment: scalar loss."""

    latents: Tensor
    commitment: Tensor


@dataclass(frozen=True, slots=True)
class Draw:
    """What is left to chance in a step, for the whole batch of all processes.

    levels: [B], how many each example gets. examples: int64 [K, P], of which examples inputs are
    kept for vectors to be revived from; places: [K, P], where in them, from 0 to 1.
    """

    levels: Tensor
    examples: Tensor
    places: Tensor


class QuantizerTrainer:
    """Quantizes with dropout while gathering what moves the codebooks; `update` moves them."""

    def __init__(
        self,
        quantizer: ResidualQuantizer,
        config: QuantizerConfig,
        *,
        seed: int,
        group: Group = ALONE,
    ) -> None:
        self.quantizer, self.config, self.group = quantizer, config, group
        self.generator = torch.Generator().manual_seed(seed)
        levels, size, _ = quantizer.codebooks.shape
        device = quantizer.codebooks.device
        self.started = False
        self.start_pool: list[Tensor] = []
        self.uses = torch.zeros(levels, size, device=device)
        self.sums = torch.zeros_like(quantizer.codebooks)
        self.new_uses = torch.zeros_like(self.uses)
        self.new_sums = torch.zeros_like(self.sums)
        self.gathered = 0
        # Inputs of late, one for every vector; those of other processes' rows are zeros here.
        self.pool = torch.zeros_like(self.sums)
        self.filled = torch.zeros(levels, size, dtype=torch.bool)

    def draw_levels(self, batch: int) -> Tensor:
        """Return the number of levels [B] that each example gets this step."""
        levels = self.quantizer.levels
        if not self.config.dropout:
            return torch.full((batch,), levels)
        drawn = torch.randint(1, levels + 1, (batch,), generator=self.generator)
        keep_all = torch.rand(batch, generator=self.generator) < self.config.full_share
        return torch.where(keep_all, levels, drawn)

    def draw(self, batch: int) -> Draw:
        """Draw for a step of so many examples in all processes, and make room for what it keeps."""
        active = self.draw_levels(batch)
        order = active.argsort(descending=True, stable=True)
        count = max(1, self.filled.shape[1] // self.config.update_every)
        reached = [int((active > level).sum()) for level in range(self.quantizer.levels)]
        chance = torch.rand(2, len(reached), count, generator=self.generator, dtype=torch.float64)
        examples = order[(chance[0] * torch.tensor(reached)[:, None]).long()]
        slots = self._slots(count)
        self.pool[:, slots] = 0
        self.filled[:, slots] = torch.tensor(reached)[:, None] > 0
        return Draw(active, examples, chance[1])

    def _slots(self, count: int) -> slice:
        """Return which part of the pool this step fills: another one at every step gathered."""
        begin = (self.gathered * count) % (self.filled.shape[1] - count + 1)
        return slice(begin, begin + count)

    def quantize(self, latents: Tensor, draw: Draw | None = None, *, first: int = 0) -> Quantized:
        """Quantize latents [b, D, F], each example at its own number of levels.

        draw: of the whole batch, in which these examples are from number `first` on; None draws
        for these alone. To be called outside of autocast: inference searches in float32, so
        training must. Until enough latents are gathered for k-means, they pass as they are;
        then all levels are fitted, one after the other.
        """
        latents = latents.float()
        if not self.started and not self._gather_start(latents.detach()):
            return Quantized(latents, latents.new_zeros(()))
        draw = draw or self.draw(len(latents))
        active = draw.levels[first : first + len(latents)]
        residual, total = latents.detach(), torch.zeros_like(latents)
        commitment = latents.new_zeros(())
        for level in range(int(active.max())):
            inside = (active > level).to(latents.device, torch.float32)[:, None, None]
            where = self.quantizer.slice_of(level)
            index = self.quantizer.nearest(residual[:, where], level)
            word = self.quantizer.look_up(index, level)
            self._gather(level, residual[:, where], index, inside)
            self._keep(level, residual[:, where], draw, first)
            # The loss reaches the encoder through latents; the levels before are constants.
            error = (latents[:, where] - total[:, where] - word).square() * inside
            commitment = commitment + error.mean()
            step = torch.zeros_like(total)
            step[:, where] = word * inside
            total, residual = total + step, residual - step
        return Quantized(latents + (total - latents).detach(), commitment)

    def _gather(self, level: int, x: Tensor, index: Tensor, inside: Tensor) -> None:
        """Add the columns of x [b, W, F] that were coded as index [b, F] to the statistics.

        inside: [b, 1, 1], 1 for examples that reach this level and 0 for others.
        """
        columns = (x * inside).transpose(1, 2).reshape(-1, x.shape[1])
        counted = inside[:, 0].expand_as(index).reshape(-1)
        self.new_uses[level].index_add_(0, index.reshape(-1), counted)
        self.new_sums[level].index_add_(0, index.reshape(-1), columns)

    def _keep(self, level: int, x: Tensor, draw: Draw, first: int) -> None:
        """Keep those columns of x [b, W, F] that were drawn for revival."""
        examples = draw.examples[level] - first
        mine = ((examples >= 0) & (examples < len(x))).nonzero()[:, 0]
        frames = (draw.places[level, mine] * x.shape[2]).long()
        kept = x[examples[mine].to(x.device), :, frames.to(x.device)]
        begin = self._slots(draw.examples.shape[1]).start
        self.pool[level, (begin + mine).to(x.device)] = kept

    def update(self) -> None:
        """Move the codebooks by what was gathered, every `update_every` calls."""
        if not self.started:
            return
        self.gathered += 1
        if self.gathered < self.config.update_every:
            return
        self.group.add(self.new_uses, self.new_sums)
        gamma = self.config.ema_gamma
        self.uses.lerp_(self.new_uses, 1 - gamma)
        self.sums.lerp_(self.new_sums, 1 - gamma)
        self._revive()
        self.quantizer.codebooks.copy_(self.sums / self.uses.clamp(min=1e-5)[..., None])
        self.forget()

    def forget(self) -> None:
        """Drop what was gathered since the last update, as after a step that is left out."""
        self.new_uses.zero_()
        self.new_sums.zero_()
        self.gathered = 0
        self.pool.zero_()
        self.filled.zero_()

    def _revive(self) -> None:
        """Replace vectors used less than `revive_below` times an update by inputs of late.

        The bar follows the traffic of the level: it is never above half the mean use.
        """
        mean_use = self.uses.mean(dim=1, keepdim=True)
        bar = (0.5 * mean_use).clamp(max=self.config.revive_below)
        dead = (self.uses < bar).cpu() & self.filled.any(dim=1, keepdim=True)
        level, word = dead.nonzero(as_tuple=True)
        if not len(level):
            return
        chance = torch.rand(len(level), generator=self.generator, dtype=torch.float64)
        filled_first = self.filled.byte().argsort(dim=1, descending=True, stable=True)
        slot = filled_first[level, (chance * self.filled.sum(dim=1)[level]).long()]
        level, word, slot = (index.to(self.pool.device) for index in (level, word, slot))
        inputs, fresh = self.pool[level, slot], mean_use.clamp(min=1e-3)[level]
        self.group.add(inputs)
        self.uses[level, word] = fresh[:, 0]
        self.sums[level, word] = inputs * fresh

    def _gather_start(self, latents: Tensor) -> bool:
        """Keep latents [b, D, F] for the k-means start; tell whether it has now been made."""
        broken = not bool(torch.isfinite(latents).all())
        if self.group.any(broken, latents.device):
            return False
        columns = latents.transpose(1, 2).reshape(-1, latents.shape[1])
        self.start_pool.append(self.group.gather(columns))
        if sum(map(len, self.start_pool)) < self.config.kmeans_frames:
            return False
        self._start(torch.cat(self.start_pool).T[None])
        self.start_pool = []
        return True

    @torch.no_grad()
    def _start(self, latents: Tensor) -> None:
        """Fit all levels by k-means to latents [1, D, F]."""
        residual = latents.clone()
        frames, size = latents.shape[2], self.uses.shape[1]
        for level in range(self.quantizer.levels):
            where = self.quantizer.slice_of(level)
            columns = residual[:, where].transpose(1, 2).reshape(frames, -1)
            found = kmeans(
                columns,
                size,
                iterations=self.config.kmeans_iterations,
                generator=self.generator,
            )
            self.quantizer.codebooks[level] = found.centres
            self.uses[level], self.sums[level] = found.uses, found.centres * found.uses[:, None]
            index = self.quantizer.nearest(residual[:, where], level)
            residual[:, where] -= self.quantizer.look_up(index, level)
        self.started = True

    def begin_with(self, codebooks: Tensor, *, uses: float) -> None:
        """Begin with finished codebooks [K, N, W], as if each vector had `uses` uses an update."""
        self.quantizer.codebooks.copy_(codebooks)
        self.uses.fill_(uses)
        self.sums.copy_(self.quantizer.codebooks * uses)
        self.started, self.start_pool = True, []

    def diversity(self) -> Tensor:
        """Return the normalised entropy of each level's average use, [K]."""
        return diversity(self.uses)

    def dead(self) -> Tensor:
        """Return the share of each level's vectors that are hardly used, [K]."""
        mean = self.uses.mean(dim=1, keepdim=True)
        return (self.uses < 0.05 * mean).float().mean(dim=1)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs."""
        return {
            "started": self.started,
            "start_pool": self.start_pool,
            "uses": self.uses,
            "sums": self.sums,
            "new_uses": self.new_uses,
            "new_sums": self.new_sums,
            "gathered": self.gathered,
            "pool": self.pool,
            "filled": self.filled,
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, on the codebooks' device.

        Of an earlier version's, what was kept for revival is dropped.
        """
        device = self.quantizer.codebooks.device
        self.generator.set_state(state["generator"].cpu())
        self.started, self.gathered = bool(state["started"]), int(state["gathered"])
        for name in ("uses", "sums", "new_uses", "new_sums"):
            getattr(self, name).copy_(state[name])
        self.start_pool = [part.to(device) for part in state["start_pool"]]
        if "pool" in state:
            self.pool.copy_(state["pool"])
            self.filled.copy_(state["filled"])
