"""Short-time spectra as the first and last layer: a network that need not learn to hear pitch.

Both are causal convolutions with a fixed kernel (the discrete Fourier transform of a window of
two hops) beside an elementwise map, so they stream like every other layer. The window of the
synthesis reaches one hop beyond its frame: sound comes out one hop late.

Logarithms, exponentials and square roots alone are used for powers, since torch computes them
with the same bits wherever an element lies in a tensor.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from .causal import CausalConv1d, convolve_transposed, with_past
from .exact import Mixed, conv1d_exact, mix, multiply_mixed, wants_exact
from .state import State

COMPRESSION = 0.3
FLOOR = 1e-9


@lru_cache(maxsize=16)
def fourier_basis(hop_samples: int, device: torch.device) -> Tensor:
    """Return the windowed basis [2 (hop + 1), 1, 2 hop]: cosines, then minus sines.

    The window is a sine, whose square adds up to one over two hops. Scaled so that analysis
    followed by `2 / window` times the transposed synthesis gives the signal back.
    """
    with torch.inference_mode(False):
        window = 2 * hop_samples
        time = torch.arange(window, dtype=torch.float64)
        bins = torch.arange(hop_samples + 1, dtype=torch.float64)
        angle = 2 * torch.pi / window * bins[:, None] * time
        taper = torch.sin(torch.pi * (time + 0.5) / window)
        basis = torch.cat([angle.cos(), -angle.sin()]) * taper
        return basis[:, None].float().to(device)


@lru_cache(maxsize=16)
def synthesis_basis(hop_samples: int, device: torch.device) -> Tensor:
    """Return the basis by which spectra become sound again.

    The first and the last bin stand once in a real signal's spectrum, all others twice.
    """
    with torch.inference_mode(False):
        basis = fourier_basis(hop_samples, device) * (1 / hop_samples)
        basis[[0, hop_samples, hop_samples + 1, -1]] *= 0.5
        return basis


@lru_cache(maxsize=16)
def _synthesis(hop_samples: int) -> tuple[Mixed, ...]:
    with torch.inference_mode(False):
        return mix(synthesis_basis(hop_samples, torch.device("cpu")), None, stride=hop_samples)


def _synthesis_basis(hop_samples: int, device: torch.device) -> Tensor:
    return synthesis_basis(hop_samples, device)


def _basis(hop_samples: int, device: torch.device) -> Tensor:
    return fourier_basis(hop_samples, device)


def hide_constants() -> None:
    """Keep torch.compile from looking into what makes the bases; to be called before it is used.

    No decorator, since torch's compiler takes as long to import as torch.
    """
    for function in (_basis, _synthesis_basis):
        torch.compiler.assume_constant_result(function)  # type: ignore[no-untyped-call]


def _full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Keep powers and phases out of a trainer's autocast, which meta tensors do not know."""
    return nullcontext() if x.is_meta else torch.autocast(x.device.type, enabled=False)


class SpectrumStem(nn.Module):
    """Wav [B, 1, F hop] to features [B, out, F]: compressed complex spectrum and log magnitude.

    The magnitude to the power 0.3 keeps the phase and brings quiet partials near loud ones.
    """

    def __init__(self, out_channels: int, *, hop_samples: int, gain: float) -> None:
        super().__init__()
        self.hop_samples = hop_samples
        bins = hop_samples + 1
        self.project = CausalConv1d(3 * bins, out_channels, kernel=1, gain=gain)

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, state after x)."""
        hop = self.hop_samples
        x = with_past(x.float(), state, hop)
        after = x[..., x.shape[-1] - hop :]
        basis = _basis(hop, x.device)
        with _full_precision(x):
            if wants_exact(x):
                spectrum = conv1d_exact(x, basis, None, stride=hop, dilation=1)
            else:
                spectrum = functional.conv1d(x, basis, None, hop)
            real, imaginary = (spectrum * (1 / hop)).chunk(2, dim=1)
            log_power = torch.log(real * real + imaginary * imaginary + FLOOR)
            compress = torch.exp(log_power * ((COMPRESSION - 1) / 2))
            # Around -60 dB the logarithm is 0, and its swing of 40 dB is about one.
            loudness = (log_power + 14) * 0.1
            features = torch.cat([real * compress, imaginary * compress, loudness], dim=1)
        y, _ = self.project(features)
        return y, after


class SpectrumHead(nn.Module):
    """Features [B, in, F] to wav [B, 1, F hop], one hop late: magnitude, and direction of phase.

    Three numbers a bin: the logarithm of the magnitude, and a pair whose direction is the
    phase. Predicted apart, a partial whose phase is out of reach still has its loudness.
    """

    def __init__(self, in_channels: int, *, hop_samples: int) -> None:
        super().__init__()
        self.hop_samples = hop_samples
        self.project = CausalConv1d(in_channels, 3 * (hop_samples + 1), kernel=1, gain=1.0)
        with torch.no_grad():
            self.project.weight[: hop_samples + 1].mul_(0.3)

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, state after x)."""
        y, _ = self.project(x)
        with _full_precision(x):
            spectrum = with_past(self._spectrum(y.float()), state, 1)
            after = spectrum[..., -1:]
            if wants_exact(spectrum):
                return multiply_mixed(spectrum, _synthesis(self.hop_samples)), after
            basis = _synthesis_basis(self.hop_samples, x.device)
            return convolve_transposed(spectrum, basis, None, self.hop_samples), after

    def _spectrum(self, y: Tensor) -> Tensor:
        """Return real and imaginary parts [B, 2 bins, F] of the head's numbers [B, 3 bins, F]."""
        loudness, real, imaginary = y.chunk(3, dim=1)
        # Like exp(loudness - 4), the level of speech, but never above 2: louder is no sound.
        rise = torch.exp((4.7 - loudness).clamp(max=40.0))
        magnitude = 2 * self.hop_samples / (1 + rise)
        unit = magnitude / torch.sqrt(real * real + imaginary * imaginary + FLOOR)
        return torch.cat([real * unit, imaginary * unit], dim=1)
