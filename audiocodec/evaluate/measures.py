"""The one table of measures: what each is called, what it needs, and which way is better."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from audiocodec.errors import AudioCodecError

from .distortion import mel_distance, si_sdr_db, stft_distance
from .loudness import loudness_difference
from .perceptual import estoi, pesq_wb, stoi
from .pitch import f0_correlation, voicing_error
from .similarity import visqol_audio, visqol_speech

FloatArray = NDArray[np.float32]
Compare = Callable[[FloatArray, FloatArray, int], float]


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of every table.

    title: for people. unit: "" for none. better: which way quality goes.
    compare: reference [T], copy [T] and their rate to a number, NaN where it has no meaning; None
        for what is measured on codes (`tokens.py`).
    needs: packages of the extra `eval`, by the name that is imported.
    made_for: sounds that it was made for: of other known categories it says little.
    digits: behind the point, in tables. about: one line of explanation.
    """

    title: str
    unit: str
    better: Literal["higher", "lower"]
    compare: Compare | None
    needs: tuple[str, ...] = ()
    made_for: Literal["speech", "other sound", "all"] = "all"
    digits: int = 2
    about: str = ""


def _si_sdr(reference: FloatArray, estimate: FloatArray, rate_hz: int) -> float:
    return float(si_sdr_db(torch.from_numpy(reference), torch.from_numpy(estimate)))


def _mel(reference: FloatArray, estimate: FloatArray, rate_hz: int) -> float:
    return float(mel_distance(torch.from_numpy(reference), torch.from_numpy(estimate), rate_hz))


def _stft(reference: FloatArray, estimate: FloatArray, rate_hz: int) -> float:
    return float(stft_distance(torch.from_numpy(reference), torch.from_numpy(estimate)))


MEASURES: dict[str, Measure] = {
    "pesq_wb": Measure(
        "PESQ-WB",
        "MOS-LQO",
        "higher",
        pesq_wb,
        ("pesq",),
        "speech",
        2,
        "Predicted opinion of speech, 1.04 to 4.64 (ITU-T P.862.2, at 16 kHz).",
    ),
    "visqol_speech": Measure(
        "ViSQOL speech",
        "MOS-LQO",
        "higher",
        visqol_speech,
        ("visqol", "ai_edge_litert"),
        "speech",
        2,
        "Predicted opinion of speech, 1 to 5 (ViSQOL v3, lattice model, at 16 kHz).",
    ),
    "visqol_audio": Measure(
        "ViSQOL audio",
        "MOS-LQO",
        "higher",
        visqol_audio,
        ("visqol",),
        "other sound",
        2,
        "Predicted opinion of any sound, 1 to 4.73 (ViSQOL v3, audio mode, at 48 kHz).",
    ),
    "stoi": Measure(
        "STOI",
        "",
        "higher",
        stoi,
        ("pystoi",),
        "speech",
        3,
        "Intelligibility, 0 to 1: correlation of envelopes in short segments.",
    ),
    "estoi": Measure(
        "ESTOI",
        "",
        "higher",
        estoi,
        ("pystoi",),
        "speech",
        3,
        "Intelligibility, 0 to 1: STOI with correlations across bands as well.",
    ),
    "mel_distance": Measure(
        "Mel distance",
        "",
        "lower",
        _mel,
        (),
        "all",
        3,
        "Mean difference of log10 mel spectra, over three window lengths.",
    ),
    "stft_distance": Measure(
        "STFT distance",
        "",
        "lower",
        _stft,
        (),
        "all",
        2,
        "Spectral convergence and difference of log spectra, over three window lengths.",
    ),
    "si_sdr_db": Measure(
        "SI-SDR",
        "dB",
        "higher",
        _si_sdr,
        (),
        "all",
        1,
        "Match of the waves themselves; codecs that make up phases score low and can sound well.",
    ),
    "loudness_lu": Measure(
        "Loudness difference",
        "LU",
        "lower",
        loudness_difference,
        ("pyloudnorm",),
        "all",
        2,
        "By how much the copy is louder or quieter (ITU-R BS.1770-4).",
    ),
    "f0_correlation": Measure(
        "F0 correlation",
        "",
        "higher",
        f0_correlation,
        ("pyworld",),
        "speech",
        3,
        "Correlation of log pitch where both are voiced.",
    ),
    "voicing_error": Measure(
        "Voicing error",
        "%",
        "lower",
        voicing_error,
        ("pyworld",),
        "speech",
        1,
        "Share of 5 ms frames that are voiced in only one of the two.",
    ),
    "kept_1": Measure(
        "Codes kept, 1 pass",
        "%",
        "higher",
        None,
        (),
        "all",
        1,
        "Codes that come out again when decoded sound is encoded once more.",
    ),
    "kept_10": Measure(
        "Codes kept, 10 passes",
        "%",
        "higher",
        None,
        (),
        "all",
        1,
        "Codes that are left after decoding and encoding ten times.",
    ),
    "sliced": Measure(
        "Slicing consistency",
        "%",
        "higher",
        None,
        (),
        "all",
        1,
        "Codes of a cut of the sound that are those of the cut of the codes.",
    ),
}
TOKEN_MEASURES = tuple(name for name, measure in MEASURES.items() if measure.compare is None)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which measures are made. left_out: those that lack a package, with a line for each."""

    names: tuple[str, ...]
    left_out: dict[str, str]


def choose(names: tuple[str, ...] | None = None) -> Choice:
    """Return the measures of these names (None: all) whose packages are installed.

    Raises AudioCodecError for a name that is no measure's.
    """
    unknown = [name for name in names or () if name not in MEASURES]
    if unknown:
        raise AudioCodecError(
            f"no measure is called {unknown[0]!r}; there are {', '.join(MEASURES)}"
        )
    wanted = names if names is not None else tuple(MEASURES)
    left_out = {}
    for name in wanted:
        missing = [package for package in MEASURES[name].needs if not _installed(package)]
        if missing:
            left_out[name] = (
                f"{MEASURES[name].title} is left out: {' and '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not installed "
                f"(pip install 'audiocodec[eval]')"
            )
    return Choice(tuple(name for name in wanted if name not in left_out), left_out)


def suits(name: str, category: str) -> bool:
    """Return whether a measure was made for sounds of a category; all are for unknown ones."""
    made_for = MEASURES[name].made_for
    if made_for == "all" or category not in ("speech", *_OTHER_SOUND):
        return True
    return (made_for == "speech") == (category == "speech")


_OTHER_SOUND = ("music", "sound", "noise", "effects", "ambience")


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # ValueError: set to None in sys.modules
        return False
