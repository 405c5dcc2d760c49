"""Activations by name, as layers with an empty state."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from .state import State


def _leaky_relu(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.2)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "elu": functional.elu,
    "leaky_relu": _leaky_relu,
    "gelu": functional.gelu,
}


class Activation(nn.Module):
    """One of ACTIVATIONS, element by element."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.function = ACTIVATIONS[name]

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, an empty state)."""
        return self.function(x), ()
