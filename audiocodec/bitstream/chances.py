"""Chances of codes out of 2^20, from weights, in whole numbers only; format.md, section 9."""

import numpy as np
from numpy.typing import NDArray

from .range_coder import TOTAL, RangeDecoder, RangeEncoder

IntArray = NDArray[np.int64]
MOST_WEIGHT = 1 << 16
"""Largest weight of one code: sums and products then stay far below 2^63."""
MAX_CODES = 1 << 14
"""Largest codebook: each code has a chance of at least 1 of the 2^20."""


def push_codes(encoder: RangeEncoder, codes: NDArray[np.int32], weights: IntArray) -> None:
    """Encode codes [n], each by its row of weights [n, N]."""
    rows, spread = np.arange(len(codes)), TOTAL - weights.shape[1]
    sums = weights.cumsum(axis=1)
    totals = sums[:, -1]
    ends = codes + 1 + sums[rows, codes] * spread // totals
    starts = codes + (sums[rows, codes] - weights[rows, codes]) * spread // totals
    # The last code's end is 2^20 exactly, for the last sum is the total.
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        encoder.push(start, end - start)


def pull_codes(decoder: RangeDecoder, weights: IntArray) -> NDArray[np.int32]:
    """Return the next codes [n], by the weights [n, N] that they were encoded with."""
    spread = TOTAL - weights.shape[1]
    sums = weights.cumsum(axis=1)
    starts = (sums - weights) * spread // sums[:, -1:] + np.arange(weights.shape[1])
    return np.array([decoder.pull(row) for row in starts.tolist()], np.int32)
