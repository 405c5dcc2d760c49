import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from audiocodec.layers.recurrent import LSTM
from audiocodec.layers.state import State


def pair(channels: int = 24) -> tuple[LSTM, nn.LSTM]:
    """Return our layers and torch's, with equal weights."""
    torch.manual_seed(0)
    theirs = nn.LSTM(channels, channels, 2).requires_grad_(False)
    ours = LSTM(channels, layers=2).requires_grad_(False)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def noise(columns: int, batch: int = 1) -> Tensor:
    return torch.randn(batch, 24, columns, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def test_it_is_torchs() -> None:
    ours, theirs = pair()
    x = noise(50, batch=2)
    wanted = theirs(x.permute(2, 0, 1))[0].permute(1, 2, 0)
    torch.testing.assert_close(ours(x)[0], wanted, rtol=1e-5, atol=1e-6)


def test_it_can_be_trained() -> None:
    ours, theirs = pair()
    x = noise(9, batch=2).requires_grad_()
    torch.autograd.backward(ours.requires_grad_()(x)[0].square().sum())
    assert x.grad is not None and ours.get_parameter("weight_hh_l0").grad is not None
    wanted = theirs(x.permute(2, 0, 1))[0].permute(1, 2, 0)
    torch.testing.assert_close(ours(x)[0], wanted, rtol=1e-5, atol=1e-6)


@given(columns=st.integers(1, 40), sizes=st.lists(st.integers(0, 20), max_size=5))
@settings(max_examples=30, deadline=None)
@torch.inference_mode()
def test_pieces_do_not_show(columns: int, sizes: list[int]) -> None:
    ours, _ = pair()
    x = noise(columns)
    state: State = None
    pieces, begin = [], 0
    for size in [*sizes, columns]:
        y, state = ours(x[..., begin : begin + size], state)
        pieces.append(y)
        begin += size
    assert torch.equal(torch.cat(pieces, dim=-1), ours(x)[0])


def test_where_weights_lie_does_not_show() -> None:
    ours, theirs = pair()
    for name, parameter in ours.named_parameters():
        memory = torch.empty(parameter.numel() + 1)
        parameter.data = memory[1:].view(parameter.shape).copy_(theirs.state_dict()[name])
    with torch.inference_mode():
        assert torch.equal(ours(noise(20))[0], pair()[0](noise(20))[0])
