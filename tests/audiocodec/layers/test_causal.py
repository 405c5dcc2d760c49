"""Causal convolutions: no look ahead, and the same bits however a signal is cut."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from audiocodec.layers.causal import CausalConv1d, CausalConvTranspose1d, with_past
from audiocodec.layers.state import State

Conv = CausalConv1d | CausalConvTranspose1d
AnyConv = TypeVar("AnyConv", CausalConv1d, CausalConvTranspose1d)


@dataclass(frozen=True)
class Case:
    """A layer, its input [B, C, frames x unit], and where the input is cut, in frames."""

    layer: Conv
    x: Tensor
    unit: int
    cuts: tuple[int, ...]


@st.composite
def convolutions(draw: st.DrawFn) -> CausalConv1d:
    kernel, stride = draw(st.integers(1, 16)), draw(st.integers(1, 8))
    dilation, depthwise = draw(st.integers(1, 9)), draw(st.booleans())
    stride = 1 if depthwise else stride
    assume((kernel - 1) * dilation + 1 >= stride)
    narrow, wide = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    layer = CausalConv1d(
        narrow,
        narrow if depthwise else wide,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        depthwise=depthwise,
        bias=draw(st.booleans()),
    )
    return with_random_bias(layer)


@st.composite
def transposed(draw: st.DrawFn) -> CausalConvTranspose1d:
    stride = draw(st.integers(1, 8))
    kernel = stride * draw(st.integers(1, 16 // stride))
    narrow, wide = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    bias = draw(st.booleans())
    return with_random_bias(
        CausalConvTranspose1d(wide, narrow, kernel=kernel, stride=stride, bias=bias)
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    layer = draw(st.one_of(convolutions(), transposed()))
    unit = layer.stride if isinstance(layer, CausalConv1d) else 1
    frames = draw(st.integers(1, 70))
    cuts = draw(st.lists(st.integers(0, frames), max_size=6))
    x = torch.randn(draw(st.integers(1, 3)), in_channels(layer), frames * unit)
    return Case(layer, x, unit, (0, *sorted(cuts), frames))


def with_random_bias(layer: AnyConv) -> AnyConv:
    if layer.bias is not None:
        torch.nn.init.normal_(layer.bias)
    return layer


def in_channels(layer: Conv) -> int:
    if isinstance(layer, CausalConvTranspose1d) or layer.depthwise:
        return int(layer.weight.shape[0])
    return int(layer.weight.shape[1])


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def whole(layer: Conv, x: Tensor) -> Tensor:
    y: Tensor = layer(x)[0]
    return y


@torch.inference_mode()
def in_pieces(case: Case) -> Tensor:
    """Return the output for the input cut at case.cuts; empty pieces are passed on as well."""
    state: State = None
    pieces = []
    for begin, end in zip(case.cuts, case.cuts[1:], strict=False):
        y, state = case.layer(case.x[..., begin * case.unit : end * case.unit], state)
        pieces.append(y)
    return torch.cat(pieces, dim=-1)


def by_torch(layer: Conv, x: Tensor) -> Tensor:
    """Return what torch's convolution gives for an input behind enough silence, in float64."""
    x, weight = x.double(), layer.weight.double()
    bias = None if layer.bias is None else layer.bias.double()
    if isinstance(layer, CausalConvTranspose1d):
        y = functional.conv_transpose1d(x, weight, bias, layer.stride)
        return y[..., : x.shape[-1] * layer.stride]
    reach = (weight.shape[-1] - 1) * layer.dilation
    x = functional.pad(x, (reach + 1 - layer.stride, 0))
    groups = x.shape[1] if layer.depthwise else 1
    return functional.conv1d(x, weight, bias, layer.stride, 0, layer.dilation, groups)


@settings(deadline=None, max_examples=150)
@given(cases())
def test_any_cut_gives_the_same_bits(case: Case) -> None:
    assert torch.equal(in_pieces(case), whole(case.layer, case.x))


@settings(deadline=None, max_examples=60)
@given(cases())
def test_it_is_torchs_convolution(case: Case) -> None:
    with torch.no_grad():
        torch.testing.assert_close(
            whole(case.layer, case.x).double(), by_torch(case.layer, case.x), atol=1e-5, rtol=1e-5
        )


@settings(deadline=None, max_examples=60)
@given(cases())
def test_training_and_inference_agree(case: Case) -> None:
    trained: Tensor = case.layer(case.x)[0]
    assert trained.requires_grad
    torch.testing.assert_close(trained.detach(), whole(case.layer, case.x), atol=1e-5, rtol=1e-5)
    (gradient,) = torch.autograd.grad(trained.square().sum(), case.layer.weight)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


@settings(deadline=None, max_examples=60)
@given(cases(), st.data())
def test_later_input_changes_no_earlier_output(case: Case, data: st.DataObject) -> None:
    frames = case.cuts[-1]
    frame = data.draw(st.integers(0, frames - 1))
    changed = case.x.clone()
    changed[..., frame * case.unit :] += 1
    before, after = whole(case.layer, case.x), whole(case.layer, changed)
    rate = before.shape[-1] // frames
    assert torch.equal(before[..., : frame * rate], after[..., : frame * rate])
    assert not torch.equal(before, after)


@settings(deadline=None, max_examples=30)
@given(cases())
def test_the_past_begins_with_silence(case: Case) -> None:
    silence = torch.zeros(*case.x.shape[:-1], case.layer.past)
    with torch.inference_mode():
        y, after = case.layer(case.x, silence)
        z, fresh = case.layer(case.x)
    assert torch.equal(y, z)
    assert isinstance(after, Tensor) and isinstance(fresh, Tensor)
    assert torch.equal(after, fresh)
    assert after.shape[-1] == case.layer.past


@settings(deadline=None, max_examples=30)
@given(cases())
def test_neighbours_in_a_batch_do_not_matter(case: Case) -> None:
    together = whole(case.layer, case.x)
    for i, row in enumerate(case.x):
        assert torch.equal(together[i], whole(case.layer, row[None])[0])


@pytest.mark.parametrize("number", [2, 3, 8])
@pytest.mark.parametrize("frames", [5, 17, 50, 1000])
@pytest.mark.parametrize("channels", [1, 5, 16, 48])
def test_threads_do_not_matter(channels: int, frames: int, number: int) -> None:
    torch.manual_seed(frames + channels)
    layers: list[Conv] = [
        CausalConv1d(channels, 2, kernel=7, dilation=9),
        CausalConv1d(channels, channels, kernel=8, stride=4),
        CausalConv1d(channels, channels, kernel=5, depthwise=True),
        CausalConvTranspose1d(channels, channels, kernel=8, stride=4),
        CausalConvTranspose1d(channels, 1, kernel=96, stride=24),
    ]
    for layer in layers:
        x = torch.randn(1, channels, 4 * frames)
        with threads(1):
            alone = whole(layer, x)
        with threads(number):
            assert torch.equal(whole(layer, x), alone)


def test_impossible_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="kernel 3 and stride 4"):
        CausalConv1d(1, 1, kernel=3, stride=4)
    with pytest.raises(ValueError, match="stride 2"):
        CausalConv1d(4, 4, kernel=4, stride=2, depthwise=True)
    with pytest.raises(ValueError, match="no multiple"):
        CausalConvTranspose1d(1, 1, kernel=5, stride=2)


def test_a_state_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="one tensor"):
        CausalConv1d(1, 1, kernel=3)(torch.zeros(1, 1, 4), (None, None))


def test_with_past_takes_the_type_of_the_input() -> None:
    x = torch.ones(1, 1, 2, dtype=torch.bfloat16)
    assert with_past(x, torch.zeros(1, 1, 3), 3).dtype == torch.bfloat16
