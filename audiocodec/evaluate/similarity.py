"""ViSQOL, the Virtual Speech Quality Objective Listener (extra `eval`).

Source: Chinen et al., "ViSQOL v3" (arXiv 2004.09584), as translated to Python by `visqol-python`,
with the deep lattice network that the original uses for speech.
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audiocodec.audio.resample import resample
from audiocodec.errors import MissingExtra

FloatArray = NDArray[np.float32]
Mode = Literal["speech", "audio"]

RATES_HZ: dict[Mode, int] = {"speech": 16_000, "audio": 48_000}
SHORTEST_S = 1.0
"""Below about half a second it has no patch to compare; a full second is asked for."""


def visqol_speech(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> float:
    """Return MOS-LQO, 1 to 5, of two waves [T] of speech at 16 kHz; NaN where it finds none.

    Raises MissingExtra without the packages `visqol-python` and `ai-edge-litert`.
    """
    return _visqol(reference, estimate, sample_rate_hz, "speech")


def visqol_audio(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> float:
    """Return MOS-LQO, 1 to 5, of two waves [T] of any sound at 48 kHz; NaN for too little sound.

    Raises MissingExtra without the package `visqol-python`.
    """
    return _visqol(reference, estimate, sample_rate_hz, "audio")


def _visqol(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int, mode: Mode) -> float:
    listener = _listener(mode)
    if len(reference) < SHORTEST_S * sample_rate_hz or not reference.any():
        return float("nan")
    rate_hz = RATES_HZ[mode]
    pair = [
        resample(wav[None], sample_rate_hz, rate_hz)[0].astype(np.float64)
        for wav in (reference, estimate)
    ]
    try:
        with np.errstate(all="ignore"):
            score = float(listener.measure_from_arrays(pair[0], pair[1], rate_hz).moslqo)
    except (ValueError, IndexError, RuntimeError):  # where no patch of the reference has sound
        return float("nan")
    return score


@lru_cache(maxsize=2)
def _listener(mode: Mode) -> Any:
    try:
        from visqol import VisqolApi

        listener = VisqolApi()
        listener.create(mode=mode, use_lattice_model=mode == "speech")
    except ImportError as error:
        raise MissingExtra("ViSQOL needs the eval extra: pip install 'audiocodec[eval]'") from error
    return listener
