from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from audiocodec.layers.push import (
    Pointwise,
    PushChain,
    PushConv1d,
    PushConvTranspose1d,
    PushLayer,
    PushResidual,
    lookahead_samples,
)
from audiocodec.layers.state import State


def filled(layer: PushLayer, seed: int = 0) -> PushLayer:
    generator = torch.Generator().manual_seed(seed)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / 3
    return layer.requires_grad_(False).eval()


def noise(channels: int, columns: int, seed: int = 1) -> Tensor:
    return torch.randn(1, channels, columns, generator=torch.Generator().manual_seed(seed))


def pushed(layer: PushLayer, x: Tensor, sizes: list[int]) -> Tensor:
    """The outputs of x in pieces of these sizes, in turn, a last one of the rest, joined."""
    state: State = None
    pieces, begin, turn = [], 0, 0
    while turn < len(sizes) and begin + sizes[turn] <= x.shape[-1]:
        y, state = layer(x[..., begin : begin + sizes[turn]], state)
        pieces.append(y)
        begin, turn = begin + sizes[turn], turn + 1
    pieces.append(layer(x[..., begin:], state, True)[0])
    return torch.cat(pieces, dim=-1)


def padded_encodec_way(x: Tensor, left: int, right: int) -> Tensor:
    """Reflection as the issue of short signals is settled by EnCodec's `pad1d`."""
    short = max(0, max(left, right) + 1 - x.shape[-1])
    y = functional.pad(functional.pad(x, (0, short)), (left, right), mode="reflect")
    return y[..., : y.shape[-1] - short]


CONVOLUTIONS: list[dict[str, Any]] = [
    dict(kernel=7, left=6),
    dict(kernel=7, left=3, right=3),
    dict(kernel=3, dilation=9, left=9, right=9),
    dict(kernel=4, stride=2, left=1, right=1),
    dict(kernel=10, stride=5, left=3, right=3),
    dict(kernel=16, stride=8, left=4, right=4, fill=True),
    dict(kernel=10, stride=5, left=5, fill=True),
    dict(kernel=7, left=3, right=3, groups=4),
    dict(kernel=3, dilation=4, left=8, time_major=True),
    dict(kernel=10, stride=5, left=5, fill=True, time_major=True),
]


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
@pytest.mark.parametrize("shape", CONVOLUTIONS)
@given(
    columns=st.integers(1, 70),
    sizes=st.lists(st.integers(0, 12), max_size=12),
)
@settings(max_examples=40, deadline=None)
@torch.inference_mode()
def test_convolutions_in_pieces_are_the_padded_whole(
    padding: str, shape: dict[str, Any], columns: int, sizes: list[int]
) -> None:
    layer = PushConv1d(4, 4, padding=padding, **shape)
    filled(layer)
    x = noise(4, columns)
    left, right = shape["left"], shape.get("right", 0)
    reach = (shape["kernel"] - 1) * shape.get("dilation", 1) + 1
    if shape.get("fill"):
        over = columns + left + right - reach
        right += -over % shape["stride"] if over > 0 else -over
    pad = padded_encodec_way if padding == "reflect" else lambda x, *ends: functional.pad(x, ends)
    whole = pad(x, left, right)
    found = pushed(layer, x, sizes)
    if whole.shape[-1] < reach:
        assert found.shape[-1] == 0
        return
    stride, dilation = shape.get("stride", 1), shape.get("dilation", 1)
    wanted = functional.conv1d(
        whole, layer.weight, layer.bias, stride, 0, dilation, shape.get("groups", 1)
    )
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(found, pushed(layer, x, []))


@pytest.mark.parametrize(
    ("stride", "left", "right", "extra", "time_major"),
    [
        *[(8, 0, 8, 0, False), (8, 4, 4, 0, False), (5, 3, 3, 1, False), (5, 2, 3, 0, False)],
        *[(2, 0, 2, 0, False), (3, 2, 2, 1, False), (5, 3, 3, 1, True), (2, 0, 2, 0, True)],
    ],
)
@given(columns=st.integers(1, 30), sizes=st.lists(st.integers(0, 7), max_size=8))
@settings(max_examples=30, deadline=None)
@torch.inference_mode()
def test_transposed_convolutions_in_pieces_are_the_cut_whole(
    stride: int,
    left: int,
    right: int,
    extra: int,
    time_major: bool,
    columns: int,
    sizes: list[int],
) -> None:
    ends: dict[str, Any] = dict(left=left, right=right, extra=extra, time_major=time_major)
    layer = PushConvTranspose1d(4, 6, kernel=2 * stride, stride=stride, **ends)
    filled(layer)
    x = noise(4, columns)
    wanted = functional.conv_transpose1d(x, layer.weight, layer.bias, stride, output_padding=extra)
    wanted = wanted[..., left : wanted.shape[-1] - right]
    found = pushed(layer, x, sizes)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(found, pushed(layer, x, []))


@given(columns=st.integers(0, 30), sizes=st.lists(st.integers(0, 7), max_size=8))
@settings(max_examples=30, deadline=None)
@torch.inference_mode()
def test_channels_by_themselves_in_pieces_are_the_cut_whole(columns: int, sizes: list[int]) -> None:
    layer = PushConvTranspose1d(6, 6, kernel=4, stride=2, groups=6, right=2)
    filled(layer)
    x = noise(6, columns)
    found = pushed(layer, x, sizes)
    if columns == 0:
        assert found.shape == (1, 6, 0)
        return
    wanted = functional.conv_transpose1d(x, layer.weight, layer.bias, 2, groups=6)[..., :-2]
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(found, pushed(layer, x, []))


@pytest.mark.parametrize("time_major", [False, True])
@given(columns=st.integers(0, 30), sizes=st.lists(st.integers(0, 7), max_size=8))
@settings(max_examples=30, deadline=None)
@torch.inference_mode()
def test_ends_can_be_repeated(time_major: bool, columns: int, sizes: list[int]) -> None:
    layer = PushConv1d(
        4, 4, kernel=4, stride=2, left=2, padding="replicate", fill=True, time_major=time_major
    )
    filled(layer)
    x = noise(4, columns)
    found = pushed(layer, x, sizes)
    assert found.shape[-1] == -(-columns // 2)
    if columns:
        whole = functional.pad(x, (2, columns % 2), mode="replicate")
        wanted = functional.conv1d(whole, layer.weight, layer.bias, 2)
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(found, pushed(layer, x, []))


class Squared(Pointwise):
    def compute(self, x: Tensor) -> Tensor:
        return x * x


@given(columns=st.integers(1, 90), sizes=st.lists(st.integers(0, 40), max_size=5))
@settings(max_examples=40, deadline=None)
@torch.inference_mode()
def test_a_network_that_looks_ahead_gives_the_same_in_pieces(
    columns: int, sizes: list[int]
) -> None:
    inner = PushChain([Squared(), PushConv1d(4, 4, kernel=7, dilation=3, left=9, right=9)])
    beside = PushResidual(PushChain([Squared()]), PushConv1d(4, 4, kernel=1))
    up = PushConvTranspose1d(4, 4, kernel=4, stride=2, left=1, right=1)
    network = filled(PushChain([PushResidual(inner), up, beside]))
    x = noise(4, columns)
    found = pushed(network, x, sizes)
    assert found.shape[-1] == 2 * columns
    assert torch.equal(found, pushed(network, x, []))


@given(columns=st.integers(1, 90), sizes=st.lists(st.integers(0, 40), max_size=5))
@settings(max_examples=20, deadline=None)
@torch.inference_mode()
def test_tiles_do_not_show(columns: int, sizes: list[int]) -> None:
    convolutions = [PushConv1d(4, 4, kernel=5, left=2, right=2) for _ in range(3)]
    whole = filled(PushChain(convolutions))
    tiled = PushChain(convolutions, tiled=range(1, 3), tile_columns=7)
    x = noise(4, columns)
    assert torch.equal(pushed(tiled, x, sizes), pushed(whole, x, []))


@torch.inference_mode()
def test_a_layer_gives_an_output_as_soon_as_it_can() -> None:
    layer = PushConv1d(4, 4, kernel=7, left=3, right=3)
    filled(layer)
    y, state = layer(noise(4, 3))
    assert y.shape[-1] == 0
    assert layer(noise(4, 2), state)[0].shape[-1] == 2
    assert layer.lookahead == 3


def test_more_cut_off_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match="tail"):
        PushConvTranspose1d(1, 1, kernel=4, stride=2, right=3)


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
@pytest.mark.parametrize("shape", CONVOLUTIONS)
@torch.inference_mode()
def test_what_a_network_will_have_given_is_known_beforehand(
    padding: str, shape: dict[str, Any]
) -> None:
    convolution = PushConv1d(4, 4, padding=padding, **shape)
    up = PushConvTranspose1d(4, 4, kernel=6, stride=3, left=2, right=1)
    network = filled(PushChain([PushResidual(PushChain([Squared(), convolution])), up]))
    if shape.get("stride", 1) > 1:
        network = filled(PushChain([convolution, Squared(), up]))
    state, given = None, 0
    for seen in range(1, 40):
        y, state = network(noise(4, 1), state)
        given += y.shape[-1]
        assert given == network.given(seen)


def test_how_long_sound_waits() -> None:
    ahead = PushConv1d(1, 1, kernel=7, left=2, right=4)
    assert lookahead_samples(ahead, PushChain([]), 1) == 4
    beginning = PushConv1d(1, 1, kernel=7, left=6, padding="reflect")
    up = PushConvTranspose1d(1, 1, kernel=8, stride=4, left=2, right=2)
    down = PushConv1d(1, 1, kernel=8, stride=4, left=2, right=2)
    assert lookahead_samples(beginning, beginning, 1) == 6
    # Sample 2 is in the second column of `up`, whose input needs samples up to 11.
    assert lookahead_samples(down, up, 4) == 11 - 2 + 1 - 4
