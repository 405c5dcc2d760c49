"""Residual vector quantizer: every level codes what the levels before it left over.

Source: SoundStream (arXiv 2107.03312), section III-C and algorithm 1; the grouped variant is
that of an independent implementation of it.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.layers.exact import COLUMNS, ROWS, in_full_precision, wants_exact
from audiocodec.layers.matrix import Packed, pays
from audiocodec.layers.prepared import Prepared


@dataclass(frozen=True, slots=True)
class _Search:
    """One codebook, filled up for exact products: words [N', D / G], and -|word|^2 / 2 [N']."""

    words: Tensor
    offset: Tensor

    def nearest(self, columns: Tensor) -> Tensor:
        """Return the index [n] of the word nearest to each of columns [n, D / G]."""
        # |x - e|^2 is least where <x, e> - |e|^2 / 2 is largest.
        return torch.addmm(self.offset, columns, self.words.T).argmax(dim=1)


def _search(codebook: Tensor) -> _Search:
    offset = codebook.square().sum(dim=1).mul_(-0.5)
    if spare := -len(codebook) % COLUMNS:  # see layers/exact.py
        codebook = functional.pad(codebook, (0, 0, 0, spare))
        offset = functional.pad(offset, (0, spare), value=-math.inf)
    return _Search(codebook, offset)


@dataclass(frozen=True, slots=True)
class _PackedSearch:
    """All codebooks as packed matrices, and as the words [N, D] themselves.

    For a few columns numpy's calls take a fraction of torch's; and it compares sixteen numbers at
    once, where torch compares one.
    """

    matrices: list[Packed]
    words: list[NDArray[np.float32]]

    @classmethod
    def of(cls, codebooks: Tensor) -> "_PackedSearch":
        """Return that of codebooks [K, N, D]."""
        searches = [_search(codebook) for codebook in codebooks]
        packed = [Packed(search.words, search.offset) for search in searches]
        return cls(packed, list(codebooks.numpy()))

    def encode(self, columns: NDArray[np.float32], levels: int) -> NDArray[np.int64]:
        """Return the indices [levels, n] of columns [n, D], of which it takes their words away."""
        found = np.empty((levels, len(columns)), np.int64)
        for matrix, words, index in zip(self.matrices, self.words, found, strict=False):
            matrix.multiply_array(columns).argmax(axis=1, out=index)
            columns -= words[index]
        return found


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
        self._packed: Prepared[_PackedSearch] = Prepared()
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
        if self.groups == 1 and pays(latents, dim, int(self.codebooks.shape[1])):
            return self._encode_packed(latents, levels)
        spare = -frames % COLUMNS if wants_exact(latents) else 0  # see layers/exact.py
        columns = functional.pad(latents, (0, spare)).transpose(1, 2)
        residual = columns.to(self.codebooks.dtype).clone(memory_format=torch.contiguous_format)
        residual = residual.view(-1, dim)
        searches = self._searches.get(self._prepare, self.codebooks)
        indices = []
        for level in range(levels):
            part = residual if self.groups == 1 else residual[:, self.slice_of(level)]
            search = searches[level]
            index = search.nearest(part)
            part -= search.words.index_select(0, index)
            indices.append(index)
        found = torch.stack(indices).view(levels, batch, frames + spare)
        return found[..., :frames].transpose(0, 1)

    def _encode_packed(self, latents: Tensor, levels: int) -> Tensor:
        batch, dim, frames = latents.shape
        search = self._packed.get(lambda: _PackedSearch.of(self.codebooks), self.codebooks)
        count = batch * frames
        columns = np.zeros((max(count + -count % ROWS, ROWS), dim), np.float32)
        columns[:count].reshape(batch, frames, dim)[:] = latents.mT.numpy()
        found = torch.from_numpy(search.encode(columns, levels)[:, :count])
        return found.view(levels, batch, frames).transpose(0, 1)

    def _prepare(self) -> list[_Search]:
        return [_search(codebook) for codebook in self.codebooks]

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
        by_level = indices.transpose(0, 1).reshape(levels, batch * frames)
        if self.groups == 1 and wants_exact(self.codebooks):
            columns = torch.from_numpy(_sum(self.codebooks.numpy(), by_level.numpy()))
            return columns.view(batch, frames, dim).transpose(1, 2).contiguous()
        columns = self.codebooks.new_zeros(batch * frames, dim)
        for level, (codebook, index) in enumerate(zip(self.codebooks, by_level, strict=False)):
            part = columns if self.groups == 1 else columns[:, self.slice_of(level)]
            part += codebook.index_select(0, index)
        return columns.view(batch, frames, dim).transpose(1, 2).contiguous()


def _sum(codebooks: NDArray[np.float32], indices: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the sums [n, D] of the vectors of codebooks [K, N, D] at indices [levels, n]."""
    columns = np.zeros((indices.shape[1], codebooks.shape[2]), codebooks.dtype)
    for codebook, index in zip(codebooks, indices, strict=False):
        columns += codebook[index]
    return columns
