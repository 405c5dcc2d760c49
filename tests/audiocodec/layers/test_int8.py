"""Int8 layers against whole-number arithmetic, and sums in order against fused multiply-adds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.layers.exact import conv1d_exact
from audiocodec.layers.int8 import (
    FromInt8,
    Grid,
    Int8Conv1d,
    Int8ConvTranspose1d,
    Int8LeakyReLU,
    Int8Residual,
    ToInt8,
)
from audiocodec.layers.ordered import OrderedProducts

ALL = torch.arange(-128.0, 128.0)


def test_to_int8_rounds_to_even_and_clamps() -> None:
    x = torch.tensor([[0.0, 0.25, 0.75, 1.25, -0.25, 100.0, -100.0]])
    c, _ = ToInt8(Grid(0.5, 10))(x)
    assert c.tolist() == [[0, 0, 2, 2, 0, 117, -138]]
    assert FromInt8(Grid(0.5, 10))(c)[0].tolist() == [[0, 0, 1, 1, 0, 58.5, -69]]


@given(
    scale=st.floats(1e-4, 1e4),
    zeros=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    slope=st.floats(0, 0.99),
)
@settings(deadline=None, max_examples=100)
def test_leaky_relu_is_the_fixed_point_one(
    scale: float, zeros: tuple[int, int], slope: float
) -> None:
    source, target = Grid(scale, zeros[0]), Grid(6.39, zeros[1])
    found, _ = Int8LeakyReLU(negative_slope=slope, source=source, target=target)(ALL - source.zero)
    ratio = np.float32(scale) / np.float32(6.39)
    above, below = (int(np.rint(256 * ratio * np.float32(factor))) for factor in (1, slope))
    for stored, c in zip(range(-128, 128), found.tolist(), strict=True):
        v = stored - source.zero
        expected = (v * (above if v >= 0 else below) + 128 >> 8) + target.zero
        assert c + target.zero == min(127, max(-128, expected))


def test_addition_is_the_fixed_point_one() -> None:
    source, inner, target = Grid(12.7, 23), Grid(4.53, 35), Grid(9.49, 35)

    class Body(torch.nn.Module):
        def forward(self, c: torch.Tensor, state: None = None) -> tuple[torch.Tensor, None]:
            return c.flip(0), None

    c = ALL - source.zero
    found, _ = Int8Residual(Body(), source=source, inner=inner, target=target)(c)
    ratios = [np.float32(grid.scale) / np.float32(target.scale) for grid in (inner, source)]
    shift = 20  # the larger ratio is between 1 and 2
    a, b = (round(float(ratio) * 2**shift) for ratio in ratios)
    pairs = zip(c.flip(0).int().tolist(), c.int().tolist(), strict=True)
    expected = [(a * y + b * x + (1 << shift - 1) >> shift) + target.zero for y, x in pairs]
    assert (found + target.zero).tolist() == [min(127, max(-128, v)) for v in expected]


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "groups"),
    [(1, 1, 1, 1), (1, 1, 1, 4), (3, 1, 9, 8), (4, 2, 1, 2), (3, 1, 1, 4)],
)
def test_convolution_has_the_sums_of_whole_numbers(
    kernel: int, stride: int, dilation: int, groups: int
) -> None:
    layer = Int8Conv1d(
        8, 8, kernel=kernel, target=Grid(1, 5), stride=stride, dilation=dilation, groups=groups
    )
    generator = torch.Generator().manual_seed(0)
    layer.weight.random_(-127, 128, generator=generator)
    layer.bias.random_(-999, 999, generator=generator)
    layer.factors.uniform_(0.001, 0.01, generator=generator)
    c = torch.randint(-200, 200, (2, 8, 40), generator=generator).float()
    found, _ = layer(c)
    padded = torch.nn.functional.pad(c, (layer.past, 0)).double()
    weight, bias = layer.weight.double(), layer.bias.double()
    sums = torch.nn.functional.conv1d(padded, weight, bias, stride, 0, dilation, groups)
    scaled = (sums.float() * layer.factors[:, None]).round()
    assert torch.equal(found, scaled.clamp(-133, 122))
    assert len(found.unique()) > 50


def test_transposed_convolution_overlaps_in_float_between_frames() -> None:
    grids = (Grid(0.5, 3), Grid(0.25, -9))
    layer = Int8ConvTranspose1d(4, 6, stride=2, targets=grids, frame=2)
    generator = torch.Generator().manual_seed(0)
    layer.weight.random_(-127, 128, generator=generator)
    layer.bias.random_(-99, 99, generator=generator)
    layer.factors.uniform_(0.01, 0.02, generator=generator)
    layer.tail_bias.normal_(generator=generator)
    c = torch.randint(-20, 20, (1, 4, 6), generator=generator).float()
    found, _ = layer(c)
    tail = torch.zeros(6, 2)
    for frame in range(3):
        columns = c[..., 2 * frame : 2 * frame + 2]
        sums = torch.nn.functional.conv_transpose1d(
            columns, layer.weight, layer.bias, stride=2, groups=2
        )
        whole = (sums[0] * layer.factors[:, None]).round()
        real = torch.cat(
            [
                part.clamp(-128 - grid.zero, 127 - grid.zero) * grid.scale
                for part, grid in zip(whole.chunk(2), grids, strict=True)
            ]
        )
        real[:, :2] += tail
        assert torch.equal(found[0, :, 4 * frame : 4 * frame + 4], real[:, :4])
        tail = real[:, 4:] - layer.tail_bias[:, None]


@pytest.mark.parametrize(
    ("channels", "out", "kernel", "stride", "groups"),
    [
        (1, 64, 64, 16, 1),
        (64, 64, 1, 1, 1),
        (64, 128, 10, 5, 1),
        (128, 256, 4, 2, 2),
        (6, 5, 3, 1, 1),
    ],
)
def test_sums_are_in_the_order_of_taps_and_channels(
    channels: int, out: int, kernel: int, stride: int, groups: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, channels, kernel + 29 * stride, generator=generator)
    weight = torch.randn(out, channels // groups, kernel, generator=generator)
    bias = torch.randn(out, generator=generator)
    settings = {"stride": stride, "dilation": 1, "groups": groups}
    ordered = OrderedProducts()
    found = ordered(x, weight, bias, **settings)
    assert torch.allclose(found, conv1d_exact(x, weight, bias, **settings), rtol=1e-3, atol=1e-3)
    # A fused multiply-add rounds once; in float64 nearly so.
    sums = bias.double()[:, None].expand(-1, 30)
    for tap in range(kernel):
        for channel in range(channels // groups):
            rows = [x[0, g * (channels // groups) + channel, tap:] for g in range(groups)]
            terms = torch.stack([row[: 29 * stride + 1 : stride] for row in rows])
            terms = terms.repeat_interleave(out // groups, dim=0)
            product = weight[:, channel, tap].double()[:, None] * terms.double()
            sums = (product + sums).float().double()
    # On other processors than x86 the order may be another one; then only the last bits differ.
    assert torch.allclose(found[0].double(), sums, rtol=1e-4, atol=1e-4)
    whole = ordered(x, weight, bias, **settings)
    part = ordered(x[..., 3 * stride :], weight, bias, **settings)
    assert torch.equal(whole[..., 3:], part)
