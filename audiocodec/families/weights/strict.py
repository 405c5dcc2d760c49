"""Strict loading: every tensor has its place and shape, or the error names those that have not."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from audiocodec.errors import WeightsMismatch

_NAMED = 3


def fill(network: nn.Module, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Put tensors, as float32, in the place of all parameters and buffers of a network.

    The network may still be on torch's meta device. Raises WeightsMismatch for tensors that are
    missing, left over, of another shape, or not floating point, and names source.
    """
    wanted = {key: tuple(t.shape) for key, t in network.state_dict().items()}
    found = {key: tuple(t.shape) for key, t in tensors.items()}
    problems = [f"missing {key}" for key in sorted(wanted.keys() - found.keys())]
    problems += [f"left over {key}" for key in sorted(found.keys() - wanted.keys())]
    problems += [
        f"{key} is {found[key]} instead of {wanted[key]}"
        for key in sorted(wanted.keys() & found.keys())
        if wanted[key] != found[key]
    ]
    problems += [
        f"{key} is {str(t.dtype).removeprefix('torch.')} instead of floating point"
        for key, t in sorted(tensors.items())
        if not t.is_floating_point()
    ]
    if problems:
        more = f" and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise WeightsMismatch(f"{source}: {'; '.join(problems[:_NAMED])}{more}")
    network.load_state_dict({k: t.float() for k, t in tensors.items()}, assign=True)
