"""K-means, for the start of the codebooks."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Clusters:
    """centres: [N, W]; uses: how many columns each has, [N], never 0."""

    centres: Tensor
    uses: Tensor


def kmeans(columns: Tensor, size: int, *, iterations: int, generator: torch.Generator) -> Clusters:
    """Return `size` clusters of columns [n, W], begun at random ones of them.

    Where there are fewer columns than clusters, some begin beside another by a little noise.
    """
    order = torch.randperm(len(columns), generator=generator)
    repeats = -(-size // len(columns))
    centres = columns[order.repeat(repeats)[:size].to(columns.device)].clone()
    if repeats > 1:
        noise = torch.randn(centres.shape, generator=generator).to(columns.device)
        centres += 1e-3 * columns.std() * noise
    uses = torch.ones(size, device=columns.device)
    for _ in range(iterations):
        scores = torch.addmm(-0.5 * centres.square().sum(1)[None], columns, centres.T)
        index = scores.argmax(dim=1)
        one_hot = torch.zeros(size, device=columns.device)
        uses = one_hot.index_add(0, index, torch.ones_like(index, dtype=torch.float32))
        sums = torch.zeros_like(centres).index_add_(0, index, columns)
        used = uses > 0
        centres[used] = sums[used] / uses[used, None]
    return Clusters(centres, uses.clamp(min=1e-3))
