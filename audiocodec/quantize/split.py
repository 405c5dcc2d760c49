"""Split quantizer: semantic levels beside acoustic ones, each a residual quantizer of its own.

Both code the same latents, so that the first levels can be taught meaning without spending bits
on what they leave over. Source: Mimi, of Moshi (arXiv 2410.00037), section 3.3.
"""

import torch
from torch import Tensor, nn

from audiocodec.layers.exact import in_full_precision
from audiocodec.layers.packed import PackedConv1d

from .residual import ResidualQuantizer


class ProjectedQuantizer(nn.Module):
    """A residual quantizer between two projections, to its own dimension and back."""

    def __init__(self, *, latent_dim: int, dim: int, levels: int, codebook_size: int) -> None:
        super().__init__()
        self.input = PackedConv1d(latent_dim, dim, kernel=1, bias=False)
        self.residual = ResidualQuantizer(dim=dim, levels=levels, codebook_size=codebook_size)
        self.output = PackedConv1d(dim, latent_dim, kernel=1, bias=False)

    def encode(self, latents: Tensor, levels: int) -> Tensor:
        """Return the indices int64 [B, levels, F] of latents [B, D, F]."""
        return self.residual.encode(self.input.convolve(latents), levels)

    def decode(self, indices: Tensor) -> Tensor:
        """Return the latents [B, D, F] for indices [B, levels, F]."""
        return self.output.convolve(self.residual.decode(indices))


class SplitQuantizer(nn.Module):
    """The first `semantic_levels` of `levels` levels by one quantizer, the others by another."""

    def __init__(
        self, *, latent_dim: int, dim: int, levels: int, semantic_levels: int, codebook_size: int
    ) -> None:
        super().__init__()
        if not 1 <= semantic_levels < levels:
            raise ValueError(f"1 to {levels - 1} semantic levels expected, not {semantic_levels}")
        self.semantic = ProjectedQuantizer(
            latent_dim=latent_dim, dim=dim, levels=semantic_levels, codebook_size=codebook_size
        )
        self.acoustic = ProjectedQuantizer(
            latent_dim=latent_dim,
            dim=dim,
            levels=levels - semantic_levels,
            codebook_size=codebook_size,
        )

    @in_full_precision
    def encode(self, latents: Tensor, levels: int) -> Tensor:
        """Return the indices int64 [B, levels, F] of latents [B, D, F]."""
        semantic = self.semantic.residual.levels
        indices = self.semantic.encode(latents, min(levels, semantic))
        if levels <= semantic:
            return indices
        return torch.cat([indices, self.acoustic.encode(latents, levels - semantic)], dim=1)

    def decode(self, indices: Tensor) -> Tensor:
        """Return the latents [B, D, F] for indices [B, levels, F] of all or the first levels."""
        semantic = self.semantic.residual.levels
        latents = self.semantic.decode(indices[:, :semantic])
        if indices.shape[1] <= semantic:
            return latents
        return latents + self.acoustic.decode(indices[:, semantic:])


def codebook(sums: Tensor, usage: Tensor, *, least: float = 1e-5) -> Tensor:
    """Return the vectors [N, D] of a codebook that is stored as its moving averages.

    sums: [N, D], of the vectors that chose each entry. usage: [N], how many those were.
    """
    return sums.float() / usage.float().clamp(min=least)[:, None]
