"""Short-time spectra as layers: invertible, one hop late, and the same however a sound is cut."""

import pytest
import torch
from torch import Tensor

from audiocodec.layers.chain import Chain
from audiocodec.layers.spectrum import SpectrumHead, SpectrumStem, fourier_basis
from audiocodec.layers.state import State

HOP = 24


def test_analysis_and_synthesis_give_the_signal_back_one_hop_late() -> None:
    wav = torch.randn(1, 1, 10 * HOP, generator=torch.Generator().manual_seed(0))
    basis = fourier_basis(HOP, wav.device)
    behind = torch.cat([torch.zeros(1, 1, HOP), wav], dim=-1)
    spectrum = torch.nn.functional.conv1d(behind, basis, None, HOP)
    edge = torch.ones(1, 2 * (HOP + 1), 1)
    edge[:, [0, HOP, HOP + 1, -1]] = 0.5
    back = torch.nn.functional.conv_transpose1d(spectrum * edge, basis / HOP, None, HOP)
    torch.testing.assert_close(back[..., HOP : 10 * HOP], wav[..., : 9 * HOP])


class Known(torch.nn.Module):
    """Stands in for a head's projection: the numbers that stand for a given spectrum."""

    def __init__(self, spectrum: Tensor) -> None:
        super().__init__()
        self.spectrum = spectrum

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        real, imaginary = (self.spectrum / HOP).chunk(2, dim=1)
        magnitude = torch.sqrt(real * real + imaginary * imaginary).clamp(1e-6, 1.99)
        # The inverse of 2 / (1 + exp(4.7 - loudness)).
        return torch.cat([4.7 - torch.log(2 / magnitude - 1), real, imaginary], dim=1), ()


def test_a_head_that_is_told_the_spectrum_gives_the_sound() -> None:
    wav = 0.3 * torch.randn(1, 1, 10 * HOP, generator=torch.Generator().manual_seed(1))
    behind = torch.cat([torch.zeros(1, 1, HOP), wav], dim=-1)
    spectrum = torch.nn.functional.conv1d(behind, fourier_basis(HOP, wav.device), None, HOP)
    head = SpectrumHead(1, hop_samples=HOP)
    head.project = Known(spectrum)  # type: ignore[assignment]
    back, _ = head(torch.zeros(1, 1, 10))
    assert back.shape == wav.shape
    torch.testing.assert_close(back[..., HOP:], wav[..., :-HOP], atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("sizes", [[1], [3, 1], [16], [40]])
@pytest.mark.parametrize("threads", [1, 2])
def test_cuts_and_threads_do_not_change_a_bit(sizes: list[int], threads: int) -> None:
    torch.manual_seed(2)
    chain = Chain([SpectrumStem(16, hop_samples=HOP, gain=1.0), SpectrumHead(16, hop_samples=HOP)])
    frames, before = 40, torch.get_num_threads()
    wav = 0.1 * torch.randn(1, 1, frames * HOP)
    with torch.inference_mode():
        whole, _ = chain(wav)
        torch.set_num_threads(threads)
        pieces: list[Tensor] = []
        state, begin = None, 0
        while begin < frames:
            size = sizes[len(pieces) % len(sizes)]
            piece, state = chain(wav[..., begin * HOP : (begin + size) * HOP], state)
            pieces.append(piece)
            begin += size
        torch.set_num_threads(before)
    assert torch.equal(torch.cat(pieces, dim=-1), whole)


def test_the_gradient_path_computes_the_same() -> None:
    torch.manual_seed(3)
    chain = Chain([SpectrumStem(8, hop_samples=HOP, gain=1.0), SpectrumHead(8, hop_samples=HOP)])
    wav = (0.1 * torch.randn(2, 1, 20 * HOP)).requires_grad_()
    trained, _ = chain(wav)
    with torch.inference_mode():
        exact, _ = chain(wav)
    torch.testing.assert_close(trained.detach(), exact, atol=1e-5, rtol=1e-4)
    trained.square().sum().backward()
    assert wav.grad is not None and wav.grad.isfinite().all()


def test_silence_and_full_scale_stay_finite() -> None:
    torch.manual_seed(4)
    chain = Chain([SpectrumStem(8, hop_samples=HOP, gain=1.0), SpectrumHead(8, hop_samples=HOP)])
    square = torch.ones(1, 1, 10 * HOP)
    square[..., ::2] = -1
    for wav in (torch.zeros(1, 1, 10 * HOP), square, 100 * square):
        wav.requires_grad_()
        fake, _ = chain(wav)
        assert fake.isfinite().all()
        fake.sum().backward()
        assert wav.grad is not None and wav.grad.isfinite().all()
