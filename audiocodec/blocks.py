"""How much goes through a network at once, in either direction."""

import torch

BLOCK_FRAMES = 64
"""Frames that go through the network at once: bounds memory, and keeps it in the cache.

A multiple of 16, so that exact products (layers/exact.py) need no filling up.
"""


def rows_at_once(device: torch.device, rows: int) -> int:
    """Return how many of `rows` go through the network at once.

    On a CPU one, so that no row's bits depend on its neighbours; elsewhere all, for speed.
    """
    return 1 if device.type == "cpu" else rows
