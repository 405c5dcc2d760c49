"""Spectra at both ends: analysis and synthesis are inverse, one hop late, and stream exactly."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.layers.causal import with_past
from audiocodec.layers.spectrum import SpectrumHead, SpectrumStem, fourier_basis
from audiocodec.layers.state import State

HOPS = [2, 20, 240]


def make(kind: str, hop: int) -> nn.Module:
    torch.manual_seed(hop)
    if kind == "stem":
        return SpectrumStem(9, hop_samples=hop, gain=1.0)
    return SpectrumHead(9, hop_samples=hop)


def make_input(kind: str, hop: int, frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(frames)
    if kind == "stem":
        return 0.3 * torch.randn(2, 1, frames * hop, generator=generator)
    return torch.randn(2, 9, frames, generator=generator)


@pytest.mark.parametrize("hop", HOPS)
def test_synthesis_gives_back_what_was_analysed(hop: int) -> None:
    wav = torch.randn(1, 1, 8 * hop, generator=torch.Generator().manual_seed(0))
    basis = fourier_basis(hop, torch.device("cpu"))
    assert basis.shape == (2 * (hop + 1), 1, 2 * hop)
    spectrum = functional.conv1d(with_past(wav, None, hop), basis, None, hop)
    spectrum[:, [0, hop, hop + 1, -1]] *= 0.5
    back = functional.conv_transpose1d(spectrum, basis / hop, None, hop)
    # Frame f covers the hop before it and its own, so what comes out first is the past.
    torch.testing.assert_close(back[..., hop : 8 * hop], wav[..., : 7 * hop], atol=1e-4, rtol=0)


@pytest.mark.parametrize("hop", HOPS)
def test_the_basis_is_a_windowed_transform(hop: int) -> None:
    x = torch.randn(2 * hop, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    window = torch.sin(torch.pi * (torch.arange(2 * hop, dtype=torch.float64) + 0.5) / (2 * hop))
    expected = torch.fft.rfft(window * x)
    found = fourier_basis(hop, torch.device("cpu"))[:, 0].double() @ x
    # The basis rounds its angles to float32, of a result of about 15 for the longest window.
    torch.testing.assert_close(found[: hop + 1], expected.real, atol=3e-3, rtol=0)
    torch.testing.assert_close(found[hop + 1 :], expected.imag, atol=3e-3, rtol=0)


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from(["stem", "head"]),
    hop=st.sampled_from([2, 5, 20]),
    frames=st.integers(1, 60),
    piece=st.integers(1, 20),
    threads=st.sampled_from([1, 2, 3]),
)
def test_any_cut_gives_the_same_bits(
    kind: str, hop: int, frames: int, piece: int, threads: int
) -> None:
    layer, x = make(kind, hop), make_input(kind, hop, frames)
    unit = hop if kind == "stem" else 1
    before = torch.get_num_threads()
    with torch.inference_mode():
        whole, _ = layer(x)
        torch.set_num_threads(threads)
        state: State = None
        pieces = []
        for block in torch.split(x, piece * unit, dim=-1):
            y, state = layer(block, state)
            pieces.append(y)
        torch.set_num_threads(before)
    assert torch.equal(torch.cat(pieces, dim=-1), whole)


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("kind", ["stem", "head"])
def test_training_and_inference_agree(kind: str, hop: int) -> None:
    layer, x = make(kind, hop), make_input(kind, hop, 12)
    trained, _ = layer(x)
    with torch.inference_mode():
        exact, _ = layer(x)
    torch.testing.assert_close(trained.detach(), exact, atol=2e-4, rtol=1e-4)
    for gradient in torch.autograd.grad(trained.square().sum(), list(layer.parameters())):
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["stem", "head"])
def test_later_input_changes_no_earlier_output(kind: str) -> None:
    layer, x = make(kind, 20), make_input(kind, 20, 12)
    unit, rate = (20, 1) if kind == "stem" else (1, 20)
    changed = x.clone()
    changed[..., 7 * unit :] += 1
    before, after = layer(x)[0], layer(changed)[0]
    assert torch.equal(before[..., : 7 * rate], after[..., : 7 * rate])
    assert not torch.equal(before[..., 7 * rate :], after[..., 7 * rate :])


@torch.inference_mode()
def test_silence_and_loud_features_stay_finite() -> None:
    assert make("stem", 20)(torch.zeros(1, 1, 200))[0].isfinite().all()
    loud = make("head", 20)(1e4 * make_input("head", 20, 10))[0]
    assert loud.isfinite().all()
