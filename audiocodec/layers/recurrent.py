"""Recurrent layers, their state carried from piece to piece."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .exact import ROWS, wants_exact
from .packed import Packed, pays
from .prepared import Prepared
from .push import PushLayer
from .state import State
from .time_major import correlate, pack


class LSTM(PushLayer):
    """Layers of long short-term memory, all of one width; maps [B, C, T] to [B, C, T].

    Parameters have the names, shapes and order of gates of torch's `nn.LSTM`. The state is one
    tensor [B, 2, C] a layer: its output and its cell after the last column.
    """

    def __init__(self, channels: int, *, layers: int) -> None:
        super().__init__()
        self.channels, self.layers = channels, layers
        self._packed: list[Prepared[Packed]] = [Prepared() for _ in range(layers)]
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
        bias_into, bias_again = self._weights("bias", layer)
        inputs = self._project(x, layer, into, bias_into + bias_again)
        if wants_exact(x) and x.dtype == torch.float32:
            pairs = [_recur_quickly(*row, again) for row in zip(inputs, before, strict=True)]
            outputs, after = zip(*pairs, strict=True)
            return torch.stack(outputs).mT, torch.stack(after)
        hidden, cell = before.unbind(1)
        steps = []
        for column in inputs.unbind(1):
            hidden, cell = _step(torch.addmm(column, hidden, again.T), cell)
            steps.append(hidden)
        return torch.stack(steps, dim=-1), torch.stack([hidden, cell], dim=1)

    def _project(self, x: Tensor, layer: int, weight: nn.Parameter, bias: Tensor) -> Tensor:
        """Return weight [O, C] applied to all columns of x [B, C, T] at once, as [B, T, O]."""
        if not wants_exact(x):
            return functional.linear(x.mT, weight, bias)
        if not pays(x, *weight.shape):
            pack(weight, (1, 0))
            return correlate(x, weight[..., None], bias, stride=1, dilation=1).mT
        packed = self._packed[layer].get(lambda: Packed(weight.detach()), weight)
        steps = x.shape[-1]
        rows = functional.pad(x.mT, (0, 0, 0, -steps % ROWS)).reshape(-1, self.channels)
        return (packed.multiply(rows) + bias).view(len(x), -1, len(bias))[:, :steps]

    def _weights(self, kind: str, layer: int) -> tuple[nn.Parameter, nn.Parameter]:
        """Return the weights or biases that a layer applies to its input and its own output."""
        return self.get_parameter(f"{kind}_ih_l{layer}"), self.get_parameter(f"{kind}_hh_l{layer}")


def _step(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output and the cell [B, C] after one step with these gates [B, 4 C]."""
    enter, forget, value, leave = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * value.tanh()
    return leave.sigmoid() * cell.tanh(), cell


def _recur_quickly(inputs: Tensor, before: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return (outputs [T, C], state after [2, C]) of one row of inputs [T, 4 C].

    By numpy: its product of a matrix and a vector is quicker than torch's, and has the same bits
    for every number of threads and wherever the weight lies.
    """
    width = before.shape[1]
    outputs = torch.empty(len(inputs), width)
    matrix, columns, rows = weight.numpy(), inputs.contiguous().numpy(), outputs.numpy()
    hidden, cell = (row.numpy() for row in before.clone())
    # 1 / (1 + e^-x) is (tanh(x / 2) + 1) / 2: so all gates take one tanh.
    half = np.full(4 * width, 0.5, np.float32)
    half[2 * width : 3 * width] = 1
    rest = 1 - half
    gates, fresh = np.empty(4 * width, np.float32), np.empty(width, np.float32)
    enter, forget, value, leave = gates.reshape(4, width)
    for column, row in zip(columns, rows, strict=True):
        np.matmul(matrix, hidden, out=gates)
        gates += column
        gates *= half
        np.tanh(gates, out=gates)
        gates *= half
        gates += rest
        cell *= forget
        np.multiply(enter, value, out=fresh)
        cell += fresh
        np.tanh(cell, out=fresh)
        hidden = np.multiply(fresh, leave, out=row)
    return outputs, torch.from_numpy(np.stack([hidden, cell]))
