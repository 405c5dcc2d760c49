"""Networks whose weights are still to come."""

from collections.abc import Callable
from typing import Any

import torch

from audiocodec.families.network import CodecNetwork

MAX_PARAMETERS = 1 << 30


def empty_network(network: Callable[[Any], CodecNetwork], config: object) -> CodecNetwork:
    """Return a network without memory for its weights yet.

    Raises ValueError for over MAX_PARAMETERS.
    """
    with torch.device("meta"):
        empty = network(config)
    if sum(t.numel() for t in empty.state_dict().values()) > MAX_PARAMETERS:
        raise ValueError(f"over {MAX_PARAMETERS} parameters is refused")
    return empty
