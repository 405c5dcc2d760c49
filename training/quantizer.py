"""Training of a residual quantizer: moving-average codebooks, k-means start, revival, dropout.

Source: SoundStream, section III-C. Three facts that others learnt the hard way are built in:
revived vectors get fresh averages as well, or the old ones overwrite them at once; averages are
gathered over several small batches before they move anything; and everything that is drawn
comes from one generator that a checkpoint can store.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from audiocodec.evaluate.usage import diversity
from audiocodec.quantize.residual import ResidualQuantizer

from .config import QuantizerConfig


@dataclass(frozen=True, slots=True)
class Quantized:
    """latents: [B, D, F] with a straight-through gradient; commitment: scalar loss."""

    latents: Tensor
    commitment: Tensor


class QuantizerTrainer:
    """Quantizes with dropout while gathering what moves the codebooks; `update` moves them."""

    def __init__(self, quantizer: ResidualQuantizer, config: QuantizerConfig, *, seed: int) -> None:
        self.quantizer, self.config = quantizer, config
        self.generator = torch.Generator().manual_seed(seed)
        levels, size, width = quantizer.codebooks.shape
        device = quantizer.codebooks.device
        self.started = False
        self.start_pool: list[Tensor] = []
        self.uses = torch.zeros(levels, size, device=device)
        self.sums = torch.zeros(levels, size, width, device=device)
        self.new_uses = torch.zeros_like(self.uses)
        self.new_sums = torch.zeros_like(self.sums)
        self.gathered = 0
        self.pools: list[Tensor] = [torch.empty(0, width, device=device) for _ in range(levels)]

    def draw_levels(self, batch: int) -> Tensor:
        """Return the number of levels [B] that each example gets this step."""
        levels = self.quantizer.levels
        if not self.config.dropout:
            return torch.full((batch,), levels)
        drawn = torch.randint(1, levels + 1, (batch,), generator=self.generator)
        keep_all = torch.rand(batch, generator=self.generator) < self.config.full_share
        return torch.where(keep_all, levels, drawn)

    def quantize(self, latents: Tensor) -> Quantized:
        """Quantize latents [B, D, F], each example at its own number of levels.

        To be called outside of autocast: inference searches in float32, so training must.
        Until enough latents are gathered for k-means, they pass as they are; then all levels
        are fitted, one after the other.
        """
        latents = latents.float()
        if not self.started and not self._gather_start(latents.detach()):
            return Quantized(latents, latents.new_zeros(()))
        active = self.draw_levels(len(latents)).to(latents.device)
        residual, total = latents.detach(), torch.zeros_like(latents)
        commitment = latents.new_zeros(())
        for level in range(self.quantizer.levels):
            inside = (active > level).float()[:, None, None]
            if not inside.any():
                break
            where = self.quantizer.slice_of(level)
            index = self.quantizer.nearest(residual[:, where], level)
            word = self.quantizer.look_up(index, level)
            self._gather(level, residual[:, where], index, active > level)
            # The loss reaches the encoder through latents; the levels before are constants.
            error = (latents[:, where] - total[:, where] - word).square() * inside
            commitment = commitment + error.mean()
            step = torch.zeros_like(total)
            step[:, where] = word * inside
            total, residual = total + step, residual - step
        return Quantized(latents + (total - latents).detach(), commitment)

    def _gather(self, level: int, x: Tensor, index: Tensor, active: Tensor) -> None:
        """Add the columns of x [B, W, F] that were coded as index [B, F] to the statistics."""
        columns = x[active].transpose(1, 2).reshape(-1, x.shape[1])
        flat = index[active].reshape(-1)
        self.new_uses[level].index_add_(0, flat, torch.ones_like(flat, dtype=torch.float32))
        self.new_sums[level].index_add_(0, flat, columns)
        size = self.uses.shape[1]
        self.pools[level] = torch.cat([self.pools[level], columns])[-4 * size :]

    def update(self) -> None:
        """Move the codebooks by what was gathered, every `update_every` calls."""
        if not self.started:
            return
        self.gathered += 1
        if self.gathered < self.config.update_every:
            return
        gamma = self.config.ema_gamma
        self.uses.lerp_(self.new_uses, 1 - gamma)
        self.sums.lerp_(self.new_sums, 1 - gamma)
        for level in range(self.quantizer.levels):
            self._revive(level)
        self.quantizer.codebooks.copy_(self.sums / self.uses.clamp(min=1e-5)[..., None])
        self.forget()

    def forget(self) -> None:
        """Drop what was gathered since the last update, as after a step that is left out."""
        self.new_uses.zero_()
        self.new_sums.zero_()
        self.gathered = 0
        self.pools = [pool[:0] for pool in self.pools]

    def _revive(self, level: int) -> None:
        """Replace vectors used less than `revive_below` times an update by inputs of late.

        The bar follows the traffic of the level: it is never above half the mean use.
        """
        pool, uses = self.pools[level], self.uses[level]
        if not len(pool):
            return
        bar = min(self.config.revive_below, 0.5 * float(uses.mean()))
        dead = (uses < bar).nonzero()[:, 0]
        if not len(dead):
            return
        pick = torch.randint(len(pool), (len(dead),), generator=self.generator).to(pool.device)
        mean_use = uses.mean().clamp(min=1e-3)
        self.uses[level, dead] = mean_use
        self.sums[level, dead] = pool[pick] * mean_use

    def _gather_start(self, latents: Tensor) -> bool:
        """Keep latents [B, D, F] for the k-means start; tell whether it has now been made."""
        if not torch.isfinite(latents).all():
            return False
        self.start_pool.append(latents.transpose(1, 2).reshape(-1, latents.shape[1]))
        if sum(map(len, self.start_pool)) < self.config.kmeans_frames:
            return False
        self._start(torch.cat(self.start_pool).T[None])
        self.start_pool = []
        return True

    @torch.no_grad()
    def _start(self, latents: Tensor) -> None:
        """Fit all levels by k-means to latents [1, D, F]."""
        residual = latents.clone()
        frames = latents.shape[2]
        for level in range(self.quantizer.levels):
            where = self.quantizer.slice_of(level)
            columns = residual[:, where].transpose(1, 2).reshape(frames, -1)
            centres, uses = self._kmeans(columns)
            self.quantizer.codebooks[level] = centres
            self.uses[level], self.sums[level] = uses, centres * uses[:, None]
            index = self.quantizer.nearest(residual[:, where], level)
            residual[:, where] -= self.quantizer.look_up(index, level)
        self.started = True

    def _kmeans(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Return centres [N, W] of columns [n, W] and how many columns each has."""
        size = self.uses.shape[1]
        order = torch.randperm(len(columns), generator=self.generator)
        repeats = -(-size // len(columns))
        centres = columns[order.repeat(repeats)[:size].to(columns.device)].clone()
        if repeats > 1:
            noise = torch.randn(centres.shape, generator=self.generator).to(columns.device)
            centres += 1e-3 * columns.std() * noise
        uses = torch.ones(size, device=columns.device)
        for _ in range(self.config.kmeans_iterations):
            scores = torch.addmm(-0.5 * centres.square().sum(1)[None], columns, centres.T)
            index = scores.argmax(dim=1)
            one_hot = torch.zeros(size, device=columns.device)
            uses = one_hot.index_add(0, index, torch.ones_like(index, dtype=torch.float32))
            sums = torch.zeros_like(centres).index_add_(0, index, columns)
            used = uses > 0
            centres[used] = sums[used] / uses[used, None]
        return centres, uses.clamp(min=1e-3)

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
            # A slice would be stored with all of the tensor that it was cut from.
            "pools": [pool.clone() for pool in self.pools],
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, on the codebooks' device."""
        device = self.quantizer.codebooks.device
        self.generator.set_state(state["generator"].cpu())
        self.started, self.gathered = bool(state["started"]), int(state["gathered"])
        for name in ("uses", "sums", "new_uses", "new_sums"):
            getattr(self, name).copy_(state[name])
        self.start_pool = [part.to(device) for part in state["start_pool"]]
        self.pools = [pool.to(device) for pool in state["pools"]]
