"""Self-attention inside windows that follow each other without overlap, as SNAC has it.

Source: SNAC (arXiv 2410.14411), section 2.4; rotary positions: arXiv 2104.09864.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .push import PushLayer
from .state import Carry, State

HEAD_CHANNELS = 64
_ROTARY_BASE = 10_000.0


class LocalAttention(PushLayer):
    """x + attention(norm(x)), where columns see those of their window, earlier and later ones.

    A window is computed when it is full; silence fills up one that is not at the very end. The bits
    depend on the number of threads only for windows that are no multiple of 4.
    Raises ValueError for channels that are no multiple of HEAD_CHANNELS.
    """

    def __init__(self, channels: int, *, window: int) -> None:
        super().__init__()
        if channels % HEAD_CHANNELS:
            raise ValueError(f"attention needs multiples of {HEAD_CHANNELS} channels: {channels}")
        self.window = window
        self.norm = nn.LayerNorm(channels)
        self.inputs = nn.Linear(channels, 3 * channels, bias=False)
        self.output = nn.Linear(channels, channels, bias=False)

    def given(self, seen: int) -> int:
        """Return how many outputs are complete after `seen` columns of a longer signal."""
        return seen // self.window * self.window

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y of x [B, C, T] as far as windows are full, state after x)."""
        if isinstance(state, Carry):
            x = torch.cat([state.columns, x], dim=-1)
        columns = x.shape[-1]
        if last:
            x = functional.pad(x, (0, -columns % self.window))
        whole = x.shape[-1] // self.window * self.window
        rest = Carry(x[..., whole:].clone(), 0)
        if whole == 0:
            return x[..., :0], rest
        # One window of one row at a time: products of always the same size have the same bits.
        rows = [
            torch.cat([self._attend(part) for part in row.split(self.window)])
            for row in x[..., :whole].mT
        ]
        return torch.stack(rows).mT[..., :columns], rest

    def _attend(self, x: Tensor) -> Tensor:
        """Return y for one window x [W, C]."""
        parts = self.inputs(self.norm(x)).chunk(3, dim=1)
        heads = [part.reshape(1, len(x), -1, HEAD_CHANNELS).transpose(1, 2) for part in parts]
        queries, keys = (self._rotated(part) for part in heads[:2])
        means = functional.scaled_dot_product_attention(queries, keys, heads[2])
        attended: Tensor = self.output(means.transpose(1, 2).reshape(x.shape))
        return x + attended

    def _rotated(self, x: Tensor) -> Tensor:
        """Return x [1, heads, W, HEAD_CHANNELS] with its halves rotated into each other."""
        steps = torch.arange(0, HEAD_CHANNELS, 2, device=x.device).float()
        rates = 1.0 / _ROTARY_BASE ** (steps / HEAD_CHANNELS)
        angles = torch.arange(self.window, device=x.device).float()[:, None] * rates
        cosines, sines = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)
        first, second = x.chunk(2, dim=-1)
        return x * cosines + torch.cat([-second, first], dim=-1) * sines
