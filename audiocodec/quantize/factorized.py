"""Residual quantizer whose codebooks are low-dimensional and searched by direction.

Every level projects what is left over to a few dimensions, takes the codebook vector of the
nearest direction, and projects that vector, as it is, back. Levels may have a stride: their codes
stand for several frames (SNAC).

Sources: Improved VQGAN (arXiv 2110.04627), DAC (arXiv 2306.06546) section 3.2, SNAC (arXiv
2410.14411) section 2.1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.layers.exact import COLUMNS, conv1d_exact, in_full_precision, wants_exact
from audiocodec.layers.push import PushConv1d


class FactorizedLevel(nn.Module):
    """One level: [D] down to the codebook's [d], a search, and up again."""

    def __init__(self, *, dim: int, codebook_size: int, codebook_dim: int) -> None:
        super().__init__()
        self.in_proj = PushConv1d(dim, codebook_dim, kernel=1)
        self.out_proj = PushConv1d(codebook_dim, dim, kernel=1)
        self.codebook = nn.Parameter(torch.empty(codebook_size, codebook_dim))

    def nearest(self, latents: Tensor) -> Tensor:
        """Return the indices [B, F] of the directions nearest to those of latents [B, D, F]."""
        projected = self.in_proj.convolve(latents)
        directions = functional.normalize(self.codebook)
        # The length of what is coded changes no order, so only the codebook is normalised.
        if wants_exact(projected):
            scores = conv1d_exact(projected, directions[:, :, None], None, stride=1, dilation=1)
        else:
            scores = directions @ projected
        return scores.argmax(dim=1)

    def vectors(self, indices: Tensor) -> Tensor:
        """Return the codebook's vectors [B, d, F] at indices [B, F]."""
        return self.codebook[indices].transpose(1, 2)


class FactorizedQuantizer(nn.Module):
    """K levels; level k has a code for every `strides[k]` frames (none given: one for each)."""

    def __init__(
        self,
        *,
        dim: int,
        levels: int,
        codebook_size: int,
        codebook_dim: int,
        strides: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.strides = tuple(strides) or (1,) * levels
        self.levels = nn.ModuleList(
            FactorizedLevel(dim=dim, codebook_size=codebook_size, codebook_dim=codebook_dim)
            for _ in range(levels)
        )

    def level(self, number: int) -> FactorizedLevel:
        """Return one level."""
        level = self.levels[number]
        assert isinstance(level, FactorizedLevel)
        return level

    @in_full_precision
    def encode(self, latents: Tensor, levels: int) -> Tensor:
        """Return the indices int64 [B, levels, F] of latents [B, D, F].

        F is a multiple of all strides; a code is repeated in all frames that it stands for.
        """
        frames = latents.shape[-1]
        together = COLUMNS * max(self.strides)
        spare = -frames % together if wants_exact(latents) else 0  # see layers/exact.py
        residual = functional.pad(latents, (0, spare)).clone()
        indices = []
        for number in range(levels):
            level, stride = self.level(number), self.strides[number]
            index = level.nearest(_means(residual, stride))
            indices.append(_repeated(index, stride)[:, :frames])
            if number + 1 < levels:
                residual -= _repeated(level.out_proj.convolve(level.vectors(index)), stride)
        return torch.stack(indices, dim=1)

    def decode(self, indices: Tensor) -> Tensor:
        """Return the sum of what indices [B, levels, F] stand for, as latents [B, D, F]."""
        latents = torch.zeros((), device=indices.device)
        for number in range(indices.shape[1]):
            level, stride = self.level(number), self.strides[number]
            vectors = level.vectors(indices[:, number, ::stride])
            latents = latents + _repeated(level.out_proj.convolve(vectors), stride)
        return latents


def _means(x: Tensor, stride: int) -> Tensor:
    """Return the means of every `stride` columns of x [B, D, F]."""
    if stride == 1:
        return x
    total = x[..., ::stride].clone()
    for offset in range(1, stride):
        total += x[..., offset::stride]
    return total.div_(stride)


def _repeated(x: Tensor, stride: int) -> Tensor:
    """Return x with every column `stride` times."""
    return x if stride == 1 else x.repeat_interleave(stride, dim=-1)
