"""How well pitch and voicing of speech survive, by the WORLD vocoder's analysis (extra `eval`).

Source: Morise et al., "WORLD: a vocoder-based high-quality speech synthesis system" (2016): DIO
and StoneMask, a frame every 5 ms.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocodec.audio.resample import resample
from audiocodec.errors import MissingExtra

FloatArray = NDArray[np.float32]

RATE_HZ = 16_000
FEWEST_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Pitch:
    """Fundamental frequency in Hz of both waves, frame by frame [F]; 0 where unvoiced."""

    reference: NDArray[np.float64]
    estimate: NDArray[np.float64]


def track_pitch(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> Pitch:
    """Return the pitch of two waves [T]. Raises MissingExtra without the package `pyworld`."""
    try:
        import pyworld
    except ImportError as error:
        raise MissingExtra("pitch needs the eval extra: pip install 'audiocodec[eval]'") from error
    tracks = []
    for wav in (reference, estimate):
        low = resample(wav[None], sample_rate_hz, RATE_HZ)[0].astype(np.float64)
        rough, times = pyworld.dio(low, RATE_HZ)
        tracks.append(pyworld.stonemask(low, rough, times, RATE_HZ))
    frames = min(map(len, tracks))
    return Pitch(tracks[0][:frames], tracks[1][:frames])


def f0_correlation(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> float:
    """Return the correlation of log F0 of [T] where both are voiced; NaN where that is too short.

    Raises MissingExtra.
    """
    pitch = track_pitch(reference, estimate, sample_rate_hz)
    both = (pitch.reference > 0) & (pitch.estimate > 0)
    if both.sum() < FEWEST_FRAMES:
        return float("nan")
    logs = np.log(pitch.reference[both]), np.log(pitch.estimate[both])
    if min(np.ptp(log) for log in logs) == 0:
        return float("nan")
    return float(np.corrcoef(*logs)[0, 1])


def voicing_error(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> float:
    """Return the percentage of frames that are voiced in only one of two waves [T].

    NaN where the reference has hardly a voiced frame. Raises MissingExtra.
    """
    pitch = track_pitch(reference, estimate, sample_rate_hz)
    voiced = pitch.reference > 0
    if voiced.sum() < FEWEST_FRAMES:
        return float("nan")
    return float(100 * np.mean(voiced != (pitch.estimate > 0)))
