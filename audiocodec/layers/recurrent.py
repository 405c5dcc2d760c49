"""Recurrent layers, their state carried from piece to piece."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .exact import conv1d_exact, wants_exact
from .push import PushLayer
from .state import State


class LSTM(PushLayer):
    """Layers of long short-term memory, all of one width; maps [B, C, T] to [B, C, T].

    Parameters have the names, shapes and order of gates of torch's `nn.LSTM`. The state is one
    tensor [B, 2, C] a layer: its output and its cell after the last column.
    """

    def __init__(self, channels: int, *, layers: int) -> None:
        super().__init__()
        self.channels, self.layers = channels, layers
        for layer in range(layers):
            for name in ("ih", "hh"):
                weight = torch.empty(4 * channels, channels)
                self.register_parameter(f"weight_{name}_l{layer}", nn.Parameter(weight))
                bias = torch.empty(4 * channels)
                self.register_parameter(f"bias_{name}_l{layer}", nn.Parameter(bias))

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return seen

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y of x [B, C, T], state after x)."""
        states = state if isinstance(state, tuple) else (None,) * self.layers
        after: list[State] = []
        for layer, before in enumerate(states):
            if not isinstance(before, Tensor):
                before = x.new_zeros(len(x), 2, self.channels)
            x, left = self._layer(x, layer, before)
            after.append(left)
        return x, tuple(after)

    def _layer(self, x: Tensor, layer: int, before: Tensor) -> tuple[Tensor, Tensor]:
        """Return (y of x [B, C, T], state after x) of one layer."""
        if x.shape[-1] == 0:
            return x, before
        into, again = self._weights("weight", layer)
        align(again)
        bias_into, bias_again = self._weights("bias", layer)
        inputs = _project(x, into, bias_into + bias_again)
        hidden, cell = before.unbind(1)
        step = _step_in_place if wants_exact(x) else _step
        outputs = []
        for column in inputs.unbind(0):
            hidden, cell = step(torch.addmm(column, hidden, again.T), cell)
            outputs.append(hidden)
        return torch.stack(outputs, dim=-1), torch.stack([hidden, cell], dim=1)

    def _weights(self, kind: str, layer: int) -> tuple[nn.Parameter, nn.Parameter]:
        """Return the weights or biases that a layer applies to its input and its own output."""
        return self.get_parameter(f"{kind}_ih_l{layer}"), self.get_parameter(f"{kind}_hh_l{layer}")


def align(weight: nn.Parameter) -> None:
    """Let a weight begin at a multiple of 64 bytes, as torch's own memory does.

    The bits of a product with one vector depend on it, and a file's mapped tensors begin anywhere.
    """
    if weight.data_ptr() % 64:
        with torch.inference_mode(weight.is_inference()), torch.no_grad():
            weight.data = weight.detach().clone()


def _project(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return weight [O, C] applied to all columns of x [B, C, T] at once, as [T, B, O]."""
    if wants_exact(x):
        y = conv1d_exact(x, weight[..., None], bias, stride=1, dilation=1)
    else:
        y = functional.conv1d(x, weight[..., None], bias)
    return y.permute(2, 0, 1).contiguous()


def _step(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output and the cell [B, C] after one step with these gates [B, 4 C]."""
    enter, forget, value, leave = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * value.tanh()
    return leave.sigmoid() * cell.tanh(), cell


def _step_in_place(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `_step` returns, in half the time: few and large operations."""
    value = gates.chunk(4, dim=1)[2].tanh()
    enter, forget, _, leave = gates.sigmoid_().chunk(4, dim=1)
    cell = torch.addcmul(forget * cell, enter, value)
    return cell.tanh().mul_(leave), cell
