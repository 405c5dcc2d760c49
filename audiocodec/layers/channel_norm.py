"""Normalisation of every column over its channels, with bits that no neighbour changes."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ChannelNorm(nn.Module):
    """Layer norm over the channels of x [B, C, T], then a weight and a bias a channel.

    torch normalises rows that are contiguous in memory one by one, whatever lies beside them.
    """

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return y [B, C, T] for x."""
        rows = x.mT.contiguous()
        return functional.layer_norm(
            rows, self.weight.shape, self.weight, self.bias, self.epsilon
        ).mT
