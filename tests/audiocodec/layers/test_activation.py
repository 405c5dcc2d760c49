"""Activations: torch's functions, with bits that depend on nothing but the element."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from audiocodec.layers.activation import ACTIVATIONS, Activation

BY_TORCH = {
    "elu": functional.elu,
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.2),
}


def test_all_are_compared() -> None:
    assert set(BY_TORCH) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_it_is_torchs_function(name: str) -> None:
    x = torch.cat([torch.linspace(-30, 30, 999), torch.tensor([0.0, -0.0, 1e-30, -1e-30])])
    with torch.inference_mode():
        y, after = Activation(name)(x)
    assert after == ()
    torch.testing.assert_close(y, BY_TORCH[name](x), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_training_and_inference_agree(name: str) -> None:
    x = torch.linspace(-5, 5, 1001, requires_grad=True)
    trained, _ = Activation(name)(x)
    with torch.inference_mode():
        exact, _ = Activation(name)(x.detach())
    torch.testing.assert_close(trained.detach(), exact, atol=1e-6, rtol=1e-6)
    (gradient,) = torch.autograd.grad(trained.sum(), x)
    assert (gradient > 0).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_input_stays_as_it_was(name: str) -> None:
    x = torch.linspace(-5, 5, 100)
    with torch.inference_mode():
        Activation(name)(x)
    assert torch.equal(x, torch.linspace(-5, 5, 100))


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(sorted(ACTIVATIONS)),
    seed=st.integers(0, 2**31),
    columns=st.integers(1, 5000),
    size=st.integers(1, 999),
    threads=st.sampled_from([1, 2, 8]),
)
def test_any_cut_and_any_threads_give_the_same_bits(
    name: str, seed: int, columns: int, size: int, threads: int
) -> None:
    x = 2 * torch.randn(8, columns, generator=torch.Generator().manual_seed(seed))
    layer, before = Activation(name), torch.get_num_threads()
    with torch.inference_mode():
        whole, _ = layer(x)
        torch.set_num_threads(threads)
        pieces = [layer(piece.contiguous())[0] for piece in torch.split(x, size, dim=-1)]
        torch.set_num_threads(before)
    assert torch.equal(torch.cat(pieces, dim=-1), whole)
