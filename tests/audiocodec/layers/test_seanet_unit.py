"""What goes block by block through the cache has the bits of the layers one by one."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from audiocodec.layers import elu_conv, seanet_unit
from audiocodec.layers.elu_conv import EluConv1d, PackedEluConv1d, PackedEluConvTranspose1d
from audiocodec.layers.push import PushConv1d, PushLayer
from audiocodec.layers.seanet_unit import SeanetUnit
from audiocodec.layers.state import State


def filled(layer: PushLayer) -> PushLayer:
    generator = torch.Generator().manual_seed(0)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / 5
    return layer.requires_grad_(False).eval()


def noise(channels: int, columns: int) -> Tensor:
    return torch.randn(1, channels, columns, generator=torch.Generator().manual_seed(1))


def unit(*, padding: str = "reflect", dilation: int = 1, shortcut: bool = True) -> SeanetUnit:
    left = 2 * dilation
    wide = EluConv1d(
        *(32, 16), kernel=3, dilation=dilation, left=left, padding=padding, time_major=True
    )
    narrow = EluConv1d(16, 32, kernel=1, padding=padding, time_major=True)
    beside = PushConv1d(32, 32, kernel=1, padding=padding, time_major=True) if shortcut else None
    layer = SeanetUnit(wide, narrow, beside)
    filled(layer)
    return layer


def down() -> PackedEluConv1d:
    layer = PackedEluConv1d(*(32, 64), kernel=8, stride=4, left=4, padding="reflect", fill=True)
    filled(layer)
    return layer


def up() -> PackedEluConvTranspose1d:
    layer = PackedEluConvTranspose1d(32, 16, kernel=4, stride=2, right=2)
    filled(layer)
    return layer


LAYERS = {
    "unit": unit,
    "unit without a shortcut": lambda: unit(shortcut=False, dilation=3),
    "unit padded with zeros": lambda: unit(padding="zeros"),
    "down": down,
    "up": up,
}


@pytest.fixture(scope="module", params=LAYERS)
def layer(request: pytest.FixtureRequest) -> Iterator[PushLayer]:
    """A layer that goes through blocks of 16 columns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seanet_unit, "BLOCK", 32 * 16)
        patch.setattr(elu_conv, "BLOCK", 32 * 16)
        yield LAYERS[request.param]()


@given(sizes=st.lists(st.integers(0, 12), max_size=8), quarter=st.booleans())
@settings(max_examples=40, deadline=None)
@torch.inference_mode()
def test_blocks_do_not_show(layer: PushLayer, sizes: list[int], quarter: bool) -> None:
    x = noise(32, 200)
    whole, _ = layer(x, None, True)  # one last piece goes through the layers one by one
    state: State = None
    pieces, begin = [], 0
    for size in sizes:
        size = size * 4 if quarter else size
        y, state = layer(x[..., begin : begin + size], state)
        pieces.append(y)
        begin += size
    y, state = layer(x[..., begin : begin + 64], state)
    pieces += [y, layer(x[..., begin + 64 :], state, True)[0]]
    assert torch.equal(torch.cat(pieces, dim=-1), whole)


@torch.inference_mode()
def test_a_unit_is_what_its_layers_are() -> None:
    layer = unit()
    x = noise(32, 100)
    weights = dict(layer.named_parameters())
    wide, narrow = "body.layers.1", "body.layers.3"
    assert set(weights) == {
        f"{name}.{kind}" for name in (wide, narrow, "shortcut") for kind in ("weight", "bias")
    }
    padded = functional.pad(functional.elu(x), (2, 0), mode="reflect")
    hidden = functional.conv1d(padded, weights[f"{wide}.weight"], weights[f"{wide}.bias"])
    y = functional.conv1d(
        functional.elu(hidden), weights[f"{narrow}.weight"], weights[f"{narrow}.bias"]
    )
    y += functional.conv1d(x, weights["shortcut.weight"], weights["shortcut.bias"])
    torch.testing.assert_close(layer(x, None, True)[0], y, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_the_quick_way_is_taken(layer: PushLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the test of blocks would compare a thing with itself."""
    _, state = layer(noise(32, 64))
    for kind, name in ((elu_conv.Blocks, "run"), (SeanetUnit, "_run")):
        monkeypatch.delattr(kind, name)
    with pytest.raises(AttributeError, match="run"):
        layer(noise(32, 64), state)
