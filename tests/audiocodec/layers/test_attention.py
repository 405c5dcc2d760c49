from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from audiocodec.layers.attention import KEYS, CausalTransformer, TransformerShape
from audiocodec.layers.state import Carry, State


def transformer(
    *, window: int, layers: int = 2, seed: int = 0, **changes: Any
) -> CausalTransformer:
    table: dict[str, Any] = dict(channels=12, heads=3, head_channels=4, feedforward=20)
    shape = TransformerShape(**(table | changes), window=window)
    network = CausalTransformer(shape, layers=layers)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / 2
    return network.requires_grad_(False).eval()


def noise(columns: int, *, batch: int = 1, channels: int = 12) -> Tensor:
    return torch.randn(batch, channels, columns, generator=torch.Generator().manual_seed(1))


def textbook(network: CausalTransformer, x: Tensor) -> Tensor:
    """The same by torch's own attention, in double precision, all at once."""
    shape = network.shape
    x = x.mT.double()
    position = torch.arange(x.shape[1])
    distance = position[:, None] - position
    mask = (distance >= 0) & (distance < shape.window)
    rates = shape.rotary_base ** (-torch.arange(0, shape.head_channels, 2) / shape.head_channels)
    turn = torch.polar(torch.ones(()).double(), position[:, None] * rates.double())

    def heads(y: Tensor) -> Tensor:
        return y.reshape(*y.shape[:2], shape.heads, -1).transpose(1, 2)

    def rotated(y: Tensor) -> Tensor:
        first, second = y.chunk(2, dim=-1)
        turned = torch.complex(first, second) * turn
        return torch.cat([turned.real, turned.imag], dim=-1)

    layers: Any = network.double().layers
    for layer in layers:
        y = functional.linear(layer.attention_norm(x), layer.attention.inputs.weight)
        q, k, v = (heads(part) for part in y.chunk(3, dim=-1))
        y = functional.scaled_dot_product_attention(rotated(q), rotated(k), v, attn_mask=mask)
        x = x + layer.attention_scale * layer.attention.output(y.transpose(1, 2).flatten(2))
        y = layer.narrow(functional.gelu(layer.widen(layer.feedforward_norm(x))))
        x = x + layer.feedforward_scale * y
    network.float()
    return x.mT


@pytest.mark.parametrize("columns", [1, 5, KEYS - 1, KEYS, 3 * KEYS + 7])
@pytest.mark.parametrize("window", [1, 7, KEYS, 250])
@torch.inference_mode()
def test_it_is_attention(window: int, columns: int) -> None:
    network, x = transformer(window=window), noise(columns, batch=2)
    torch.testing.assert_close(network(x)[0].double(), textbook(network, x), rtol=1e-4, atol=1e-4)


@given(
    columns=st.integers(1, 3 * KEYS),
    cuts=st.lists(st.integers(0, 3 * KEYS), max_size=10),
    window=st.sampled_from([1, 6, 100, KEYS, 250]),
    threads=st.sampled_from([1, 1, 1, 2]),
)
@settings(max_examples=50, deadline=None)
@torch.inference_mode()
def test_pieces_have_the_bits_of_the_whole(
    columns: int, cuts: list[int], window: int, threads: int
) -> None:
    network, x = transformer(window=window), noise(columns)
    whole = network(x)[0]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        state: State = None
        pieces, ends = [], sorted(cut for cut in cuts if cut < columns)
        for begin, end in zip([0, *ends], [*ends, columns], strict=True):
            y, state = network(x[..., begin:end], state, end == columns)
            pieces.append(y)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(torch.cat(pieces, dim=-1), whole)


@pytest.mark.parametrize("size", [2, 16, 200])
@torch.inference_mode()
def test_the_state_does_not_grow(size: int) -> None:
    network = transformer(window=250)
    state: State = None
    for _ in range(600 // size):
        _, state = network(noise(size), state)
    assert isinstance(state, tuple)
    kept = {carry.columns.shape[1] for carry in state}  # type: ignore[union-attr]
    assert max(kept) <= 250 + KEYS


@torch.inference_mode()
def test_hours_into_a_stream_positions_are_still_right() -> None:
    network = transformer(window=6, layers=1)
    x = noise(40)
    hours = 40 * KEYS * 10_000  # at 25 columns a second, over 500
    late = (Carry(torch.zeros(1, KEYS, 2, 3, 4), hours),)
    found, wanted = network(x, late)[0], network(x)[0]
    # Only distances count, once the window is full.
    torch.testing.assert_close(found[..., 6:], wanted[..., 6:], rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_rows_of_a_batch_are_the_same_alone() -> None:
    network, x = transformer(window=9), noise(30, batch=3)
    together = network(x)[0]
    for row, wanted in zip(x, together, strict=True):
        torch.testing.assert_close(network(row[None])[0][0], wanted)


def test_gradients_flow() -> None:
    network = transformer(window=9).requires_grad_(True)
    network(noise(20))[0].square().mean().backward()
    assert all(
        parameter.grad is not None and parameter.grad.abs().sum() > 0
        for parameter in network.parameters()
    )


@pytest.mark.parametrize("change", [dict(heads=0), dict(head_channels=3), dict(rotary_base=1.0)])
def test_no_such_transformer(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        transformer(window=5, **change)
