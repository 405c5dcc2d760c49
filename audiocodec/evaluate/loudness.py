"""Difference in loudness (extra `eval`)."""

import numpy as np
from numpy.typing import NDArray

from audiocodec.errors import MissingExtra

FloatArray = NDArray[np.float32]

SHORTEST_S = 0.4
"""One block of BS.1770: there is no loudness of less."""


def loudness_difference(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> float:
    """Return by how many LU the loudness of two waves [T] differs (ITU-R BS.1770-4), never < 0.

    NaN for what is too short or below the gate of -70 LUFS.
    Raises MissingExtra without the package `pyloudnorm`.
    """
    try:
        import pyloudnorm
    except ImportError as error:
        raise MissingExtra(
            "loudness needs the eval extra: pip install 'audiocodec[eval]'"
        ) from error
    if len(reference) < SHORTEST_S * sample_rate_hz + 1:
        return float("nan")
    meter = pyloudnorm.Meter(sample_rate_hz)
    with np.errstate(divide="ignore"):
        levels = [meter.integrated_loudness(wav) for wav in (reference, estimate)]
    difference = abs(float(levels[0]) - float(levels[1]))
    return difference if np.isfinite(difference) else float("nan")
