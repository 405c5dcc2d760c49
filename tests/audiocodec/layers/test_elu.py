import pytest
import torch
from torch.nn import functional

from audiocodec.layers import elu as module
from audiocodec.layers.elu import Elu, elu


@pytest.mark.parametrize("numpy_is_fast", [False, True])
@torch.inference_mode()
def test_it_is_torchs(monkeypatch: pytest.MonkeyPatch, numpy_is_fast: bool) -> None:
    monkeypatch.setattr(module, "_numpy_is_fast", lambda: numpy_is_fast)
    x = torch.cat([torch.linspace(-30, 5, 3001), torch.tensor([0.0, -0.0, -1e-7, 1e-30, -200.0])])
    x = x.repeat(40)[None, None].expand(1, 2, -1).contiguous()
    wanted = functional.elu(x)
    torch.testing.assert_close(elu(x), wanted, rtol=5e-7, atol=0)
    # Bits do not depend on where an element lies.
    turned = x.mT.contiguous().mT
    assert torch.equal(elu(turned), elu(x)) and elu(turned).stride() == turned.stride()
    assert torch.equal(elu(x[..., 5:78]), elu(x)[..., 5:78])
    assert torch.equal(elu(x[..., ::3]), elu(x)[..., ::3])


@torch.inference_mode()
def test_it_works_in_place_if_told_to() -> None:
    x = torch.randn(1, 4, 50)
    before, y = x.clone(), Elu()(x)[0]
    assert torch.equal(x, before)
    assert Elu(in_place=True)(x)[0] is x and torch.equal(x, y)


def test_training_needs_its_input() -> None:
    x = torch.randn(1, 4, 50, requires_grad=True)
    y, _ = Elu(in_place=True)(x * 1)
    torch.autograd.backward(y.sum())
    assert x.grad is not None
