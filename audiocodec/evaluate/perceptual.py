"""Perceptual measures by the field's own libraries (extra `eval`), on 16 kHz speech."""

import warnings

import numpy as np
from numpy.typing import NDArray

from audiocodec.audio.resample import resample
from audiocodec.errors import MissingExtra

FloatArray = NDArray[np.float32]


def pesq_wb(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> float:
    """Return PESQ-WB (ITU-T P.862.2) of two waves [T]; NaN where it finds no speech.

    Raises MissingExtra without the `pesq` package.
    """
    try:
        import pesq
    except ImportError as error:
        raise MissingExtra("PESQ needs the eval extra: pip install 'audiocodec[eval]'") from error
    if not reference.any():
        return float("nan")
    pair = [resample(wav[None], sample_rate_hz, 16_000)[0] for wav in (reference, estimate)]
    try:
        return float(pesq.pesq(16_000, pair[0], pair[1], "wb"))
    except (pesq.NoUtterancesError, pesq.BufferTooShortError):
        return float("nan")


def stoi(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> float:
    """Return STOI (Taal et al. 2011) of two waves [T], 0 to 1; NaN where it finds no speech.

    Raises MissingExtra without the `pystoi` package.
    """
    return _stoi(reference, estimate, sample_rate_hz, extended=False)


def estoi(reference: FloatArray, estimate: FloatArray, sample_rate_hz: int) -> float:
    """Return ESTOI (Jensen and Taal 2016) of two waves [T], 0 to 1; NaN where it finds no speech.

    Raises MissingExtra without the `pystoi` package.
    """
    return _stoi(reference, estimate, sample_rate_hz, extended=True)


def _stoi(
    reference: FloatArray, estimate: FloatArray, sample_rate_hz: int, *, extended: bool
) -> float:
    try:
        from pystoi import stoi as measure
    except ImportError as error:
        raise MissingExtra("STOI needs the eval extra: pip install 'audiocodec[eval]'") from error
    if not reference.any():
        return float("nan")
    with warnings.catch_warnings():
        # With too little sound the library warns and returns 1e-5, which would spoil a mean.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(measure(reference, estimate, sample_rate_hz, extended=extended))
        except (RuntimeWarning, np.exceptions.AxisError):  # nothing, or hardly anything, was left
            return float("nan")
