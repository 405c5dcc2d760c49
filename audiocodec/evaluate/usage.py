"""How evenly a codebook is used."""

import torch
from torch import Tensor


def diversity(counts: Tensor) -> Tensor:
    """Return the normalised entropy of counts [..., N] as [...]: 1 all alike, 0 a single one."""
    share = counts / counts.sum(dim=-1, keepdim=True).clamp(min=1e-12)
    entropy: Tensor = -torch.special.xlogy(share, share).sum(dim=-1)
    return entropy / torch.log(torch.tensor(float(counts.shape[-1])))
