"""Chains and residual connections thread every state through."""

import pytest
import torch
from torch import Tensor

from audiocodec.layers.activation import Activation
from audiocodec.layers.causal import CausalConv1d, CausalConvTranspose1d
from audiocodec.layers.chain import Chain, Residual
from audiocodec.layers.state import State


def make_chain() -> Chain:
    torch.manual_seed(0)
    body = Chain([Activation("elu"), CausalConv1d(3, 3, kernel=5, dilation=2)])
    return Chain(
        [
            CausalConv1d(2, 3, kernel=4, stride=2),
            Residual(body),
            CausalConvTranspose1d(3, 2, kernel=4, stride=2),
        ]
    )


@torch.inference_mode()
def test_pieces_give_the_same_bits() -> None:
    chain, x = make_chain(), torch.randn(2, 2, 60)
    whole, _ = chain(x)
    state: State = None
    pieces: list[Tensor] = []
    for begin, end in ((0, 2), (2, 4), (4, 4), (4, 30), (30, 60)):
        y, state = chain(x[..., begin:end], state)
        pieces.append(y)
    assert torch.equal(torch.cat(pieces, dim=-1), whole)


@torch.inference_mode()
def test_a_state_is_a_value() -> None:
    chain, x = make_chain(), torch.randn(1, 2, 40)
    _, state = chain(x[..., :20])
    first, _ = chain(x[..., 20:], state)
    again, _ = chain(x[..., 20:], state)
    assert torch.equal(first, again)
    forgotten, _ = chain(x[..., 20:])
    assert not torch.equal(first, forgotten)


@torch.inference_mode()
def test_states_have_the_shape_of_the_chain() -> None:
    _, state = make_chain()(torch.randn(1, 2, 4))
    assert isinstance(state, tuple) and len(state) == 3
    assert isinstance(state[1], tuple) and state[1][0] == ()


@torch.inference_mode()
def test_residual_adds_its_input() -> None:
    body = CausalConv1d(3, 3, kernel=3)
    x = torch.randn(1, 3, 20)
    torch.testing.assert_close(Residual(body)(x)[0], x + body(x)[0], atol=0, rtol=0)


def test_too_few_states_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        make_chain()(torch.randn(1, 2, 4), (None,))
