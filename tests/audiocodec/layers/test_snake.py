import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from audiocodec.layers import snake as module
from audiocodec.layers import snake_unit
from audiocodec.layers.local_attention import LocalAttention
from audiocodec.layers.noise import noise_at
from audiocodec.layers.packed import PackedConv1d, PackedConvTranspose1d, can_pack, pays
from audiocodec.layers.push import PushConv1d, PushConvTranspose1d, PushLayer
from audiocodec.layers.snake import Snake, Tanh, snake
from audiocodec.layers.snake_unit import SnakeUnit
from audiocodec.layers.state import State


def filled(layer: PushLayer, seed: int = 0) -> PushLayer:
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in layer.named_parameters():
        random = torch.randn(parameter.shape, generator=generator)
        terms = parameter[0].numel() if parameter.ndim > 1 else 10
        parameter.data = 0.5 + random.abs() if "alpha" in name else random / terms**0.5
    return layer.requires_grad_(False).eval()


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pushed(layer: PushLayer, x: Tensor, sizes: list[int]) -> Tensor:
    state: State = None
    pieces, begin = [], 0
    for size in sizes:
        y, state = layer(x[..., begin : begin + size], state)
        pieces.append(y)
        begin += size
    return torch.cat([*pieces, layer(x[..., begin:], state, True)[0]], dim=-1)


@pytest.mark.parametrize("alpha", [1e-3, 0.3, 1.0, 30.0, -2.0, 0.0])
def test_snake_is_accurate_to_rounding(alpha: float) -> None:
    x = 10 * noise(400, 4)
    wide = x.double()
    a = torch.full((4,), alpha)
    scale = 1 / (a + 1e-9).double()
    wanted = wide + scale * torch.sin(a.double() * wide).square()
    with torch.inference_mode():
        found = snake(x, a)
    step = float(np.finfo(np.float32).eps)
    # Of x, of alpha x, whose sine is taken, and of the square over alpha.
    bound = step * (2 * wide.abs() + 4 * scale.abs().clamp(max=1e6) + wide.abs())
    assert ((found - wanted).abs() <= bound).all()


@given(begin=st.integers(0, 40), length=st.integers(1, 300), block=st.sampled_from([64, 1000]))
@settings(max_examples=40, deadline=None)
@torch.inference_mode()
def test_the_bits_of_snake_depend_on_no_neighbours(begin: int, length: int, block: int) -> None:
    x, alpha = noise(400, 6), 0.5 + noise(6).abs()
    whole = snake(x, alpha)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        part = snake(x[begin : begin + length], alpha)
        apart = x[begin : begin + length].T.contiguous().T
        assert torch.equal(part, whole[begin : begin + length])
        assert torch.equal(snake(apart, alpha), part)
        x[begin : begin + length] = snake(
            x[begin : begin + length], alpha, x[begin : begin + length]
        )
    assert torch.equal(x[begin : begin + length], part)


def test_snake_with_gradients_is_the_same() -> None:
    layer, x = filled(Snake(4)), noise(2, 4, 50)
    usual = layer(x)[0]
    with torch.inference_mode():
        torch.testing.assert_close(layer(x)[0], usual, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_the_bits_of_tanh_depend_on_no_neighbours() -> None:
    x = noise(1, 1, 5000)
    whole = Tanh().compute(x)
    for length in [*range(1, 70), 1000, 4999]:
        assert torch.equal(Tanh().compute(x[..., 3 : 3 + length]), whole[..., 3 : 3 + length])


UNITS = [(4, 1), (64, 1), (128, 1), (192, 1), (256, 1), (192, 192), (24, 24)]


@pytest.mark.parametrize("dilation", [1, 3, 9])
@pytest.mark.parametrize(("channels", "groups"), UNITS)
@torch.inference_mode()
def test_a_unit_is_its_layers_one_after_the_other(
    channels: int, groups: int, dilation: int
) -> None:
    unit = SnakeUnit(channels, dilation=dilation, groups=groups)
    filled(unit)
    if can_pack() and channels >= 192 and groups == 1:
        assert unit.in_pairs
    for batch, columns in ((2, 1), (1, 2 * dilation), (2, 37), (1, 200)):
        x = noise(batch, channels, columns)
        y = functional.conv1d(
            unit.snake1.compute(x),
            unit.conv1.weight,
            unit.conv1.bias,
            padding=3 * dilation,
            dilation=dilation,
            groups=groups,
        )
        y = x + functional.conv1d(unit.snake2.compute(y), unit.conv2.weight, unit.conv2.bias)
        torch.testing.assert_close(unit(x, None, True)[0], y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("channels", "groups"), UNITS)
@given(
    columns=st.integers(0, 150),
    sizes=st.lists(st.integers(0, 60), max_size=6),
    dilation=st.sampled_from([1, 3, 9]),
    threads=st.sampled_from([1, 2]),
)
@settings(max_examples=8, deadline=None)
@torch.inference_mode()
def test_a_unit_in_pieces_gives_the_bits_of_the_whole(
    channels: int, groups: int, columns: int, sizes: list[int], dilation: int, threads: int
) -> None:
    unit = filled(SnakeUnit(channels, dilation=dilation, groups=groups))
    x = noise(1, channels, columns)
    whole = pushed(unit, x, [])
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.equal(pushed(unit, x, sizes), whole)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(snake_unit, "BLOCK", 0)  # so that blocks are as short as can be
            assert torch.equal(pushed(unit, x, sizes), whole)
    finally:
        torch.set_num_threads(before)


CONVOLUTIONS = [
    (dict(kernel=7, dilation=9, left=27, right=27), 64, 64),
    (dict(kernel=7, left=3, right=3), 128, 128),
    (dict(kernel=8, stride=4, left=2, right=2), 128, 256),
    (dict(kernel=10, stride=5, left=3, right=3), 256, 128),
    (dict(kernel=3, left=1, right=1), 256, 192),
    (dict(kernel=1, bias=False), 192, 192),
    (dict(kernel=4, stride=2, left=1, right=1), 8, 16),
]


@pytest.mark.parametrize(("shape", "inputs", "outputs"), CONVOLUTIONS)
@torch.inference_mode()
def test_packed_convolutions(shape: dict[str, int | bool], inputs: int, outputs: int) -> None:
    layer = filled(PackedConv1d(inputs, outputs, **shape))
    plain = PushConv1d(inputs, outputs, **shape)  # type: ignore[arg-type]
    plain.load_state_dict(layer.state_dict())
    x = noise(2, inputs, 160)
    whole = pushed(layer, x, [])
    torch.testing.assert_close(whole, pushed(plain, x, []), rtol=1e-4, atol=1e-4)
    for sizes in ([40, 3, 60], [1] * 30, [159]):
        assert torch.equal(pushed(layer, x, sizes), whole)


@pytest.mark.parametrize(
    ("inputs", "outputs", "stride"), [(384, 192, 2), (64, 32, 3), (256, 96, 5)]
)
@torch.inference_mode()
def test_packed_transposed_convolutions(inputs: int, outputs: int, stride: int) -> None:
    half = -(-stride // 2)
    shape = dict(kernel=2 * stride, stride=stride, left=half, right=half)
    layer = filled(PackedConvTranspose1d(inputs, outputs, **shape))
    plain = PushConvTranspose1d(inputs, outputs, **shape)  # type: ignore[arg-type]
    plain.load_state_dict(layer.state_dict())
    x = noise(2, inputs, 40)
    whole = pushed(layer, x, [])
    torch.testing.assert_close(whole, pushed(plain, x, []), rtol=1e-4, atol=1e-4)
    for sizes in ([10, 3, 7], [1] * 30):
        assert torch.equal(pushed(layer, x, sizes), whole)


@torch.no_grad()
def test_packed_weights_follow_the_weights() -> None:
    layer = PackedConv1d(256, 192, kernel=1)
    filled(layer)
    x = noise(1, 256, 8)
    assert pays(x, 256, 192) == can_pack()
    before = layer(x)[0]
    assert layer.bias is not None
    layer.weight.mul_(2)
    layer.bias.mul_(2)
    torch.testing.assert_close(layer(x)[0], 2 * before)


def test_noise_is_drawn_by_position() -> None:
    whole = noise_at(3, 0, 5000)
    assert torch.equal(noise_at(3, 1000, 50), whole[1000:1050])
    assert torch.equal(noise_at(3, 1024, 0), whole[:0])
    assert not torch.equal(noise_at(2, 0, 5000), whole)
    assert abs(float(whole.mean())) < 0.06 and abs(float(whole.std()) - 1) < 0.04
    repeats = [noise_at(stream, 1024 * block, 4) for stream in range(3) for block in range(3)]
    assert len({tuple(part.tolist()) for part in repeats}) == 9


@torch.inference_mode()
def test_attention_stays_in_its_window() -> None:
    layer = filled(LocalAttention(128, window=6))
    x = noise(1, 128, 18)
    y = layer(x, None, True)[0]
    other = x.clone()
    other[..., 7] += 1
    changed = (layer(other, None, True)[0] != y).any(dim=1)[0]
    assert changed[6:12].all() and not changed[:6].any() and not changed[12:].any()
    for sizes in ([1] * 17, [5, 2, 6], [12]):
        assert torch.equal(pushed(layer, x, sizes), y)
    short = layer(x[..., :8], None, True)[0]
    assert short.shape[-1] == 8 and torch.equal(short[..., :6], y[..., :6])
