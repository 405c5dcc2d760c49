from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.layers.time_major import (
    CONVOLUTION,
    TRANSPOSED,
    correlate,
    correlate_transposed,
    join,
    pack,
)

# in, out, kernel, stride, dilation
CORRELATIONS = [
    (1, 32, 7, 1, 1),
    (32, 1, 7, 1, 1),
    (32, 2, 7, 1, 2),
    (32, 16, 3, 1, 3),
    (32, 64, 4, 2, 1),
    (64, 48, 16, 8, 1),
    (24, 6, 7, 5, 1),
    (40, 24, 5, 3, 2),
    (64, 64, 1, 1, 1),
]
# in, out, stride, columns of the past
TRANSPOSED_ONES = [(64, 128, 8, 1), (48, 32, 5, 1), (16, 1, 4, 1), (4, 6, 3, 2)]


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("channels", "out", "kernel", "stride", "dilation"), CORRELATIONS)
@torch.inference_mode()
def test_correlations_and_their_bits(
    threads: int, channels: int, out: int, kernel: int, stride: int, dilation: int
) -> None:
    weight, bias = noise(out, channels, kernel) / (channels * kernel) ** 0.5, noise(out, seed=1)
    reach, frames = (kernel - 1) * dilation + 1, 700
    x = join([noise(2, channels, (frames - 1) * stride + reach, seed=2)])
    whole = correlate(x, weight, bias, stride=stride, dilation=dilation)
    wanted = functional.conv1d(x, weight, bias, stride, 0, dilation)
    torch.testing.assert_close(whole, wanted, rtol=1e-5, atol=1e-5)
    packed = nn.Parameter(weight.clone(), requires_grad=False)
    pack(packed, CONVOLUTION)
    assert torch.equal(packed, weight)
    for begin, count in [(0, 1), (1, 2), (3, 5), (7, 16), (333, 64), (100, 600)]:
        piece = x[..., begin * stride : (begin + count - 1) * stride + reach]
        found = correlate(piece, packed, bias, stride=stride, dilation=dilation)
        assert torch.equal(found, whole[..., begin : begin + count])


@pytest.mark.parametrize(("channels", "out", "stride", "past"), TRANSPOSED_ONES)
@torch.inference_mode()
def test_transposed_ones_and_their_bits(
    threads: int, channels: int, out: int, stride: int, past: int
) -> None:
    weight, bias = noise(channels, out, stride * (past + 1)) / channels**0.5, noise(out, seed=1)
    x = join([noise(2, channels, 300, seed=2)])
    whole = correlate_transposed(x, weight, bias, stride=stride)
    wanted = functional.conv_transpose1d(x, weight, bias, stride)
    wanted = wanted[..., past * stride : x.shape[-1] * stride]
    torch.testing.assert_close(whole, wanted, rtol=1e-5, atol=1e-5)
    packed = nn.Parameter(weight.clone(), requires_grad=False)
    pack(packed, TRANSPOSED)
    assert torch.equal(packed, weight)
    for begin, count in [(0, 1), (1, 2), (3, 5), (7, 16), (133, 64), (20, 270)]:
        found = correlate_transposed(
            x[..., begin : begin + count + past], packed, bias, stride=stride
        )
        assert torch.equal(found, whole[..., begin * stride : (begin + count) * stride])


def test_a_packed_weight_can_still_be_trained() -> None:
    weight = nn.Parameter(noise(4, 3, 5))
    with torch.inference_mode():
        pack(weight, CONVOLUTION)
    torch.autograd.backward(functional.conv1d(noise(1, 3, 9), weight).sum())
    assert weight.grad is not None and weight.permute(CONVOLUTION).is_contiguous()
