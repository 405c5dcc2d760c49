"""What a layer computes from its weights alone: once, and again when they have changed."""

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Prepared(Generic[T]):
    """Keeps one value together with the weights, by place and version, that it was made of.

    A version counts the changes that torch is told of: those of optimizers, of loading and of
    every operation in place, but not those through `Tensor.data`. Copies begin without the value.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[tuple[int, int] | None, ...], T] | None = None

    def get(self, make: Callable[[], T], *weights: Tensor | None) -> T:
        """Return what `make` gave for these weights as they are now."""
        if torch.compiler.is_compiling():  # what is traced has no place in memory
            return make()
        if any(w is not None and w.is_inference() for w in weights):  # they count no versions
            return make()
        key = tuple(None if w is None else (w.data_ptr(), w._version) for w in weights)
        kept = self._kept  # one look, because another thread may change it
        if kept is not None and kept[0] == key:
            return kept[1]
        value = make()
        self._kept = key, value
        return value

    def __reduce__(self) -> tuple[type["Prepared[T]"], tuple[()]]:
        """Let copies and pickles begin without the value."""
        return type(self), ()
