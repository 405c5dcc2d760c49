"""Values made of weights: kept while the weights stay, made again when torch changes them."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from audiocodec.layers.prepared import Prepared


def twice(prepared: Prepared[Tensor], weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return prepared.get(lambda: 2 * weight if bias is None else 2 * weight + bias, weight, bias)


def test_the_value_is_made_once() -> None:
    prepared: Prepared[Tensor] = Prepared()
    weight = torch.ones(3)
    assert twice(prepared, weight) is twice(prepared, weight)
    assert twice(prepared, weight, torch.ones(3)).tolist() == [3, 3, 3]


def step(layer: nn.Linear) -> None:
    layer.weight.grad = torch.ones(2, 2)
    torch.optim.SGD(layer.parameters(), lr=1.0).step()


def load(layer: nn.Linear, *, assign: bool) -> None:
    layer.load_state_dict({"weight": torch.full((2, 2), 7.0)}, assign=assign)


def copy_quietly(layer: nn.Linear) -> None:
    with torch.inference_mode():
        layer.weight.copy_(torch.full((2, 2), 7.0))


@pytest.mark.parametrize(
    "change",
    [
        step,
        lambda layer: load(layer, assign=False),
        lambda layer: load(layer, assign=True),
        copy_quietly,
        lambda layer: layer.double(),
    ],
    ids=["optimizer", "load", "assign", "inference mode", "type"],
)
def test_changed_weights_make_another(change: Callable[[nn.Linear], object]) -> None:
    layer, prepared = nn.Linear(2, 2, bias=False), Prepared[Tensor]()
    with torch.inference_mode():
        before = twice(prepared, layer.weight)
    change(layer)
    with torch.inference_mode():
        after = twice(prepared, layer.weight)
        assert after is not before and torch.equal(after, 2 * layer.weight)


def test_weights_without_versions_are_asked_every_time() -> None:
    prepared: Prepared[Tensor] = Prepared()
    with torch.inference_mode():
        weight = torch.ones(3)
        assert twice(prepared, weight).tolist() == [2, 2, 2]
        weight += 1
        assert twice(prepared, weight).tolist() == [4, 4, 4]


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_begin_without_the_value(clone: Callable[[object], object]) -> None:
    prepared, weight = Prepared[Tensor](), torch.ones(3)
    before = twice(prepared, weight)
    other = clone(prepared)
    assert isinstance(other, Prepared) and twice(other, weight) is not before


def test_what_is_traced_is_part_of_the_graph() -> None:
    class Layer(nn.Linear):
        def __init__(self) -> None:
            super().__init__(3, 3, bias=False)
            self.prepared: Prepared[Tensor] = Prepared()

        def forward(self, x: Tensor) -> Tensor:
            return x @ twice(self.prepared, self.weight)

    layer, x = Layer(), torch.ones(1, 3)
    with torch.no_grad():
        exported = torch.export.export(layer, (x,))
        assert torch.equal(exported.module()(x), layer(x))
