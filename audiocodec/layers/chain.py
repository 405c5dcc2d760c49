"""Layers in sequence, and beside an identity: states are threaded through as tuples."""

from collections.abc import Iterable

from torch import Tensor, nn

from .state import State


class Chain(nn.Module):
    """Layers one after the other; the state is the tuple of theirs."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, state after x)."""
        states = state if isinstance(state, tuple) else (None,) * len(self.layers)
        after = []
        for layer, before in zip(self.layers, states, strict=True):
            x, left = layer(x, before)
            after.append(left)
        return x, tuple(after)


class Residual(nn.Module):
    """x + body(x), for a body that keeps the shape; the state is the body's."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, state after x)."""
        y, after = self.body(x, state)
        return x + y, after
