"""Activations by name, as layers with an empty state."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .exact import wants_exact
from .state import State


def _elu(x: Tensor, _: float) -> Tensor:
    if not wants_exact(x):
        return functional.elu(x)
    # torch's elu computes the last elements of every thread's share by scalar code, with other
    # bits than the vector code; expm1 does not.
    return x.clamp(min=0).add_(torch.expm1(x.clamp(max=0)))


def _leaky_relu(x: Tensor, negative_slope: float) -> Tensor:
    return functional.leaky_relu(x, negative_slope)


ACTIVATIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "elu": _elu,
    "leaky_relu": _leaky_relu,
}
"""Name -> function of x and of the slope below zero, which not all of them have."""


class Activation(nn.Module):
    """One of ACTIVATIONS, element by element."""

    def __init__(self, name: str, *, negative_slope: float = 0.2) -> None:
        super().__init__()
        self.name, self.negative_slope = name, negative_slope
        self.function = ACTIVATIONS[name]

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, an empty state)."""
        return self.function(x, self.negative_slope), ()
