"""What is wrong with a copy before any measure of it means something."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

LARGEST_LAG_S = 0.5
SMALLEST_LAG_S = 0.001
CLEAR_MATCH = 0.5
_SILENT = 1e-5


class Problem(StrEnum):
    """What can be wrong; the worst comes first."""

    NOT_FINITE = "not finite"
    EMPTY = "empty"
    SILENT_REFERENCE = "silent reference"
    SILENT = "silent"
    SHORTER = "shorter"
    LONGER = "longer"
    MISALIGNED = "misaligned"
    NONE = "ok"
    IDENTICAL = "identical"


UNMEASURABLE = frozenset(
    {Problem.NOT_FINITE, Problem.EMPTY, Problem.SILENT_REFERENCE, Problem.SILENT}
)
"""Of these, no measure is made: numbers would be lies."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, in words, and the copy as it is to be measured.

    copy: [T] of the reference's length; filled with zeros where it was shorter, cut where it was
        longer, and left where it was in time.
    lag_samples: by how much the copy is late; 0 where it is on time, or where nobody can tell.
    """

    problem: Problem
    message: str
    copy: FloatArray
    lag_samples: int = 0

    @property
    def measurable(self) -> bool:
        """Whether measures mean something."""
        return self.problem not in UNMEASURABLE


def judge(reference: FloatArray, copy: FloatArray, sample_rate_hz: int) -> Verdict:
    """Look at a reference [T] and its copy [T'] of the same rate."""
    fitted = _fit(copy, len(reference))
    if not (np.isfinite(reference).all() and np.isfinite(copy).all()):
        bad = "copy" if np.isfinite(reference).all() else "reference"
        place = int(np.argmin(np.isfinite(copy if bad == "copy" else reference)))
        message = f"the {bad} has NaN or infinity, first at {place / sample_rate_hz:.3f} s"
        return Verdict(Problem.NOT_FINITE, message, fitted)
    if not len(reference) or not len(copy):
        which = "reference" if not len(reference) else "copy"
        return Verdict(Problem.EMPTY, f"the {which} has no samples", fitted)
    if np.abs(reference).max() < _SILENT:
        return Verdict(Problem.SILENT_REFERENCE, "the reference is silent", fitted)
    if np.abs(copy).max() < _SILENT:
        return Verdict(Problem.SILENT, "the copy is silent", fitted)
    lag = find_lag(reference, fitted, sample_rate_hz)
    notes = []
    if lag:
        word = "late" if lag > 0 else "early"
        notes.append(f"{abs(lag)} samples ({1000 * abs(lag) / sample_rate_hz:.1f} ms) {word}")
    difference = len(copy) - len(reference)
    if difference:
        word = "longer" if difference > 0 else "shorter"
        notes.insert(0, f"{abs(difference)} samples {word}")
    problem = Problem.MISALIGNED if lag else Problem.NONE
    if difference:
        problem = Problem.LONGER if difference > 0 else Problem.SHORTER
    if problem is Problem.NONE and np.array_equal(reference, copy):
        return Verdict(Problem.IDENTICAL, "identical to the sample", fitted)
    return Verdict(problem, ", ".join(notes), fitted, lag)


def find_lag(reference: FloatArray, copy: FloatArray, sample_rate_hz: int) -> int:
    """Return by how many samples a copy [T] of the same length is late; negative when early.

    Looks half a second to both sides, and says 0 below 1 ms or where no shift matches clearly
    better: a copy with phases of its own has no other place in time.
    """
    most = min(len(reference) - 1, round(LARGEST_LAG_S * sample_rate_hz))
    if most < 1:
        return 0
    size = 1 << (len(reference) + most).bit_length()
    spectra = [np.fft.rfft(wav.astype(np.float64), size) for wav in (reference, copy)]
    correlation = np.fft.irfft(spectra[1] * spectra[0].conj(), size)
    # Lags -most ... most; negative ones lie at the end of the cyclic result.
    around = np.concatenate([correlation[-most:], correlation[: most + 1]])
    energy = float(np.linalg.norm(reference)) * float(np.linalg.norm(copy))
    around = around / max(energy, 1e-20)
    lag = int(np.argmax(around)) - most
    clear = around[lag + most] > CLEAR_MATCH and around[lag + most] > 1.2 * abs(around[most])
    return lag if clear and abs(lag) >= SMALLEST_LAG_S * sample_rate_hz else 0


def shift(copy: FloatArray, lag_samples: int) -> FloatArray:
    """Return a copy [T] put back on time: `lag_samples` earlier, with zeros for what is missing."""
    moved = np.zeros_like(copy)
    if lag_samples >= 0:
        moved[: len(copy) - lag_samples] = copy[lag_samples:]
    else:
        moved[-lag_samples:] = copy[:lag_samples]
    return moved


def _fit(wav: FloatArray, samples: int) -> FloatArray:
    kept = wav[:samples]
    return np.concatenate([kept, np.zeros(samples - len(kept), np.float32)]).astype(np.float32)
