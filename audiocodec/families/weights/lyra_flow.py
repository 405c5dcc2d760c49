"""The layers of a chain of Lyra in the order of the flow, as converters walk them."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from audiocodec.layers.chain import Chain, Residual
from audiocodec.layers.int8 import Int8Residual


@dataclass(frozen=True, slots=True)
class Place:
    """A layer in the order of the flow; skip: of an addition, how many layers come before it."""

    layer: nn.Module
    skip: int = 0


def flow(layer: nn.Module, before: int = 0) -> Iterator[Place]:
    """Yield the layers inside `layer`; an addition comes where its sum is."""
    if isinstance(layer, Chain):
        for inner in layer.layers:
            places = list(flow(inner, before))
            before += len(places)
            yield from places
    elif isinstance(layer, Residual | Int8Residual):
        yield from flow(layer.body, before)
        yield Place(layer, skip=before)
    else:
        yield Place(layer)
