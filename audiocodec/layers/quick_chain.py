"""A chain that computes in numpy where all its layers can, which is quicker for short pieces."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from .activation import Activation
from .causal import CausalConv1d, CausalConvTranspose1d
from .chain import Chain, Residual
from .exact import conv1d_exact, wants_exact
from .matrix import can_pack, is_large
from .prepared import Prepared
from .row_spectrum import RowSpectrumHead, RowSpectrumStem
from .rows import (
    FloatArray,
    Past,
    RowChain,
    RowConv1d,
    RowConvTranspose1d,
    RowLayer,
    RowLeakyReLU,
)
from .spectrum import SpectrumHead, SpectrumStem
from .state import RowState, State


class QuickChain(Chain):
    """A `Chain`: by layers/rows.py for inference on an x86 CPU, if all its matrices are large.

    Its weights may change, but no layer may be put in another's place: to look for that with every
    piece takes a twentieth of the time of a frame.
    """

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__(layers)
        self._rows: Prepared[RowChain | None] = Prepared()
        self._held = [module._parameters for module in self.modules() if module._parameters]

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return (y, state after x)."""
        if x.shape[-1] and x.dtype == torch.float32 and wants_exact(x) and can_pack():
            weights = [weight for held in self._held for weight in held.values()]
            rows = self._rows.get(self._lay_out, *weights)
            if rows is not None:
                return _run(rows, x, state)
        return super().forward(x, state)

    def _lay_out(self) -> RowChain | None:
        layers = _all_rows(self.layers)
        return None if layers is None else RowChain(layers)


def _run(rows: RowChain, x: Tensor, state: State) -> tuple[Tensor, State]:
    """Return (y, state after x) for x [B, C, T], sound by sound."""
    pasts: tuple[Past, ...] = (None,) * len(x)
    if isinstance(state, RowState):
        pasts = state.pasts
    elif state is not None:
        raise TypeError("a state of other layers")
    found: list[FloatArray] = []
    after: list[Past] = []
    for signal, past in zip(x.mT.numpy(), pasts, strict=True):
        y, left = rows.run(np.ascontiguousarray(signal), past)
        found.append(y)
        after.append(left)
    y = found[0][None] if len(found) == 1 else np.stack(found)
    return torch.from_numpy(y).mT, RowState(tuple(after))


def _all_rows(layers: nn.ModuleList) -> list[RowLayer] | None:
    """Return layers for arrays in the place of all layers, or None if there are not all."""
    found = []
    for layer in layers:
        row_layer = _row_layer(layer)
        if row_layer is None:
            return None
        found.append(row_layer)
    return found


def _row_layer(layer: nn.Module) -> RowLayer | None:
    match layer:
        case CausalConv1d():
            return _convolution(layer)
        case CausalConvTranspose1d():
            return _transposed(layer)
        case Activation():
            leaky = layer.name == "leaky_relu"
            return RowLeakyReLU(np.float32(layer.negative_slope)) if leaky else None
        case Residual():
            body = layer.body
            rows = _all_rows(body.layers) if isinstance(body, Chain) else None
            return None if rows is None else RowChain(rows, residual=True)
        case SpectrumStem() if is_large(2 * layer.hop_samples, 2 * layer.hop_samples):
            project = _convolution(layer.project)
            return None if project is None else RowSpectrumStem(project, layer.hop_samples)
        case SpectrumHead() if is_large(2 * layer.hop_samples, 2 * layer.hop_samples):
            project = _convolution(layer.project)
            return None if project is None else RowSpectrumHead(project, layer.hop_samples)
    return None


def _convolution(layer: CausalConv1d) -> RowConv1d | None:
    out, channels, kernel = layer.weight.shape
    usual = layer.groups == 1 and layer.exact is conv1d_exact
    if not usual or not is_large(channels * kernel, out):
        return None
    return RowConv1d.of(layer.weight, layer.bias, stride=layer.stride, dilation=layer.dilation)


def _transposed(layer: CausalConvTranspose1d) -> RowConvTranspose1d | None:
    channels, out, kernel = layer.weight.shape
    if layer.groups > 1 or not is_large(channels * kernel // layer.stride, out * layer.stride):
        return None
    return RowConvTranspose1d.of(layer.weight, layer.bias, stride=layer.stride)
