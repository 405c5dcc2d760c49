"""Residual vector quantizer: every level codes what the levels before it left over.

Source: SoundStream (arXiv 2107.03312), section III-C and algorithm 1; the grouped variant is
that of an independent implementation of it.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.layers.exact import COLUMNS, wants_exact


class ResidualQuantizer(nn.Module):
    """K codebooks of N vectors, one residual step each; the number of levels is an argument.

    With `groups` G > 1 the D dimensions are G slices, and level k codes slice k mod G of the
    residual: a prefix of the levels is decodable for every G.

    The codebooks are a buffer, not parameters: they follow their vectors by moving averages,
    which is the trainer's business.
    """

    codebooks: Tensor

    def __init__(self, *, dim: int, levels: int, codebook_size: int, groups: int = 1) -> None:
        super().__init__()
        if dim % groups:
            raise ValueError(f"{dim} dimensions cannot be split into {groups} equal groups")
        self.groups = groups
        self.register_buffer("codebooks", torch.zeros(levels, codebook_size, dim // groups))

    @property
    def levels(self) -> int:
        """Number of levels K."""
        return int(self.codebooks.shape[0])

    def slice_of(self, level: int) -> slice:
        """Return the dimensions that `level` codes."""
        width = int(self.codebooks.shape[2])
        group = level % self.groups
        return slice(group * width, (group + 1) * width)

    def encode(self, latents: Tensor, levels: int) -> Tensor:
        """Return the indices int64 [B, levels, F] of latents [B, D, F]."""
        frames = latents.shape[-1]
        spare = -frames % COLUMNS if wants_exact(latents) else 0  # see layers/exact.py
        residual = functional.pad(latents, (0, spare)).clone()
        indices = []
        for level in range(levels):
            part = residual[:, self.slice_of(level)]
            index = self.nearest(part, level)
            part -= self.look_up(index, level)
            indices.append(index[:, :frames])
        return torch.stack(indices, dim=1)

    def nearest(self, x: Tensor, level: int) -> Tensor:
        """Return the index [B, F] of the vector nearest to each column of x [B, D / G, F]."""
        batch, width, frames = x.shape
        codebook = self.codebooks[level]
        columns = x.transpose(1, 2).reshape(batch * frames, width).to(codebook.dtype)
        # |x - e|^2 is least where <x, e> - |e|^2 / 2 is largest.
        offset = codebook.square().sum(dim=1).mul_(-0.5)
        if spare := -len(codebook) % COLUMNS:  # see layers/exact.py
            codebook = functional.pad(codebook, (0, 0, 0, spare))
            offset = functional.pad(offset, (0, spare), value=-math.inf)
        scores = torch.addmm(offset, columns, codebook.T)
        return scores.argmax(dim=1).reshape(batch, frames)

    def look_up(self, index: Tensor, level: int) -> Tensor:
        """Return the vectors [B, D / G, F] at index [B, F] of one level."""
        return self.codebooks[level][index].transpose(1, 2)

    def decode(self, indices: Tensor) -> Tensor:
        """Return the sum of the vectors at indices [B, levels, F] as latents [B, D, F]."""
        batch, levels, frames = indices.shape
        dim = int(self.codebooks.shape[2]) * self.groups
        latents = self.codebooks.new_zeros(batch, dim, frames)
        for level in range(levels):
            latents[:, self.slice_of(level)] += self.look_up(indices[:, level], level)
        return latents
