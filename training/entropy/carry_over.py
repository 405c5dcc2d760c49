"""A level's network begins where that of the level below ended, and learns in half the time.

What the levels below say about a frame is much the same for each level, so the hidden layers are
taken as they are. Scores belong to single codes, and the next level has others: how a code's scores
follow from its vector is fitted to the level below, and used for the vectors of this one.
"""

import torch
from torch import Tensor

from .fit import LevelModel

_RIDGE = 3.0
_MOST = 3.0  # of the root mean square: beyond that a fit to other vectors knows nothing


@torch.no_grad()
def carry_over(
    before: LevelModel, vectors_before: Tensor, model: LevelModel, vectors: Tensor
) -> None:
    """Let a new model begin as `before`; vectors: float [N, P], of their levels' codes."""
    model.first.load_state_dict(before.first.state_dict())
    model.second.load_state_dict(before.second.state_dict())
    model.by_pass.copy_(before.by_pass)
    known = _features(vectors_before)
    wanted = torch.cat([before.scores, (before.bias - before.prior)[:, None]], dim=1)
    ridge = _RIDGE * torch.eye(known.shape[1])
    follows = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted)
    found = _features(vectors) @ follows
    model.scores.copy_(found[:, :-1])
    model.bias.copy_(model.prior + found[:, -1])


def _features(vectors: Tensor) -> Tensor:
    """Return what scores may depend on: each coordinate and its square, the length, the square."""
    units = vectors / vectors.square().mean().sqrt().clamp(min=1e-6)
    power = units.square().mean(dim=1, keepdim=True).clamp(max=_MOST)
    units = units.clamp(-_MOST, _MOST)
    return torch.cat([units, units.square(), power, power.sqrt(), torch.ones_like(power)], dim=1)
