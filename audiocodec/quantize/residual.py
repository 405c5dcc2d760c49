"""Residual vector quantizer: every level codes what the levels before it left over.

Source: SoundStream (arXiv 2107.03312), section III-C and algorithm 1; the grouped variant is
that of an independent implementation of it.
"""

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.layers.exact import COLUMNS, ROWS, in_full_precision, wants_exact
from audiocodec.layers.matrix import Packed, pays
from audiocodec.layers.prepared import Prepared


@dataclass(frozen=True, slots=True)
class _Search:
    """One codebook, filled up for exact products: words [N', D / G], and -|word|^2 / 2 [N'].

    packed: the same as a matrix and its bias, where that is quicker.
    """

    words: Tensor
    offset: Tensor
    packed: Packed | None = None

    def nearest(self, columns: Tensor) -> Tensor:
        """Return the index [n] of the word nearest to each of columns [n, D / G]."""
        # |x - e|^2 is least where <x, e> - |e|^2 / 2 is largest.
        if self.packed is not None:
            scores = self.packed.multiply(columns)
        else:
            scores = torch.addmm(self.offset, columns, self.words.T)
        if not wants_exact(scores):
            return scores.argmax(dim=1)
        # numpy compares sixteen numbers at once, torch one. Both take the first of equal ones.
        return torch.from_numpy(scores.numpy().argmax(axis=1))

    def take_away(self, columns: Tensor, index: Tensor) -> None:
        """Subtract the word at each index [n] from columns [n, D / G], in place."""
        columns -= self.words.index_select(0, index)


def _search(codebook: Tensor, *, pack: bool = False) -> _Search:
    offset = codebook.square().sum(dim=1).mul_(-0.5)
    if spare := -len(codebook) % COLUMNS:  # see layers/exact.py
        codebook = functional.pad(codebook, (0, 0, 0, spare))
        offset = functional.pad(offset, (0, spare), value=-math.inf)
    return _Search(codebook, offset, Packed(codebook, offset) if pack else None)


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
        self._searches: Prepared[list[_Search]] = Prepared()
        self._packed: Prepared[list[_Search]] = Prepared()
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

    @in_full_precision
    def encode(self, latents: Tensor, levels: int) -> Tensor:
        """Return the indices int64 [B, levels, F] of latents [B, D, F]."""
        batch, dim, frames = latents.shape
        pack = self.groups == 1 and pays(latents, dim, int(self.codebooks.shape[1]))
        together = ROWS if pack else COLUMNS
        spare = -frames % together if wants_exact(latents) else 0  # see layers/exact.py
        kept = self._packed if pack else self._searches
        searches = kept.get(partial(self._prepare, pack), self.codebooks)
        columns = functional.pad(latents.mT, (0, 0, 0, spare)) if spare else latents.mT
        residual = columns.to(self.codebooks.dtype).clone(memory_format=torch.contiguous_format)
        residual = residual.view(-1, dim)
        indices = []
        for level, search in enumerate(searches[:levels]):
            part = residual if self.groups == 1 else residual[:, self.slice_of(level)]
            index = search.nearest(part)
            search.take_away(part, index)
            indices.append(index)
        found = torch.stack(indices).view(levels, batch, frames + spare)
        return found[..., :frames].transpose(0, 1)

    def _prepare(self, pack: bool) -> list[_Search]:
        return [_search(codebook, pack=pack) for codebook in self.codebooks]

    def nearest(self, x: Tensor, level: int) -> Tensor:
        """Return the index [B, F] of the vector nearest to each column of x [B, D / G, F]."""
        batch, width, frames = x.shape
        search = _search(self.codebooks[level])
        columns = x.transpose(1, 2).reshape(batch * frames, width).to(search.words.dtype)
        return search.nearest(columns).reshape(batch, frames)

    def look_up(self, index: Tensor, level: int) -> Tensor:
        """Return the vectors [B, D / G, F] at index [B, F] of one level."""
        return self.codebooks[level][index].transpose(1, 2)

    def decode(self, indices: Tensor) -> Tensor:
        """Return the sum of the vectors at indices [B, levels, F] as latents [B, D, F]."""
        batch, levels, frames = indices.shape
        dim = int(self.codebooks.shape[2]) * self.groups
        columns = self.codebooks.new_zeros(batch * frames, dim)
        by_level = indices.transpose(0, 1).reshape(levels, batch * frames)
        for level, index in enumerate(by_level):
            part = columns if self.groups == 1 else columns[:, self.slice_of(level)]
            part += self.codebooks[level].index_select(0, index)
        return columns.view(batch, frames, dim).mT.contiguous()
