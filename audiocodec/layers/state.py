"""What a layer remembers between two pieces of one signal: a plain value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from torch import Tensor

if TYPE_CHECKING:
    from .rows import Past


@dataclass(frozen=True, slots=True)
class Carry:
    """The end of a signal so far: its last columns [B, C, n], and how many there were in all."""

    columns: Tensor
    seen: int


@dataclass(frozen=True, slots=True)
class RowState:
    """What a chain of layers on arrays remembers of each of B signals."""

    pasts: "tuple[Past, ...]"


State: TypeAlias = "Tensor | Carry | RowState | tuple[State, ...] | None"
"""None before the first sample; then a carry of past columns, or a tuple with one per layer."""


class Layer(Protocol):
    """Anything that maps [B, C, T] to [B, C', T'] and carries a state."""

    def __call__(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, state after x)."""
        ...
