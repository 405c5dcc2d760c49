"""Measures are those of their libraries, and know worse from better."""

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from audiocodec.audio.resample import resample
from audiocodec.errors import AudioCodecError, MissingExtra
from audiocodec.evaluate.measures import MEASURES, choose, suits
from audiocodec.evaluate.systems import low_pass

FloatArray = NDArray[np.float32]
RATE = 16_000
PAIRS = [name for name, measure in MEASURES.items() if measure.compare is not None]
# numba takes half a minute to compile the first time, on machines that have it.
QUICK = [name for name in PAIRS if not name.startswith("visqol")]


def measured(name: str, reference: FloatArray, copy: FloatArray) -> float:
    for package in MEASURES[name].needs:
        pytest.importorskip(package)
    compare = MEASURES[name].compare
    assert compare is not None
    return compare(reference, copy, RATE)


def with_noise(wav: FloatArray, level: float) -> FloatArray:
    noise = np.random.default_rng(0).standard_normal(len(wav))
    return (wav + level * noise).astype(np.float32)


def assert_falls(name: str, values: list[float]) -> None:
    """Assert that quality goes down along values."""
    falling = [-v if MEASURES[name].better == "lower" else v for v in values]
    assert falling == sorted(falling, reverse=True) and falling[0] > falling[-1], values


BEST = {
    "pesq_wb": (4.6, 4.65),
    "visqol_speech": (3.9, 5.0),
    "visqol_audio": (4.7, 5.0),
    "stoi": (0.9999, 1.0001),
    "estoi": (0.9999, 1.0001),
    "mel_distance": (0, 0),
    "stft_distance": (0, 0),
    "si_sdr_db": (80, 200),
    "loudness_lu": (0, 0),
    "f0_correlation": (0.9999, 1.0001),
    "voicing_error": (0, 0),
}


@pytest.mark.parametrize("name", QUICK)
def test_a_perfect_copy_scores_the_best(name: str, speech: FloatArray) -> None:
    low, high = BEST[name]
    assert low <= measured(name, speech, speech.copy()) <= high


@pytest.mark.parametrize("name", [name for name in QUICK if name != "f0_correlation"])
def test_more_noise_is_worse(name: str, speech: FloatArray) -> None:
    assert_falls(name, [measured(name, speech, with_noise(speech, s)) for s in (0, 0.003, 0.1)])


@pytest.mark.parametrize("name", ["pesq_wb", "mel_distance", "stft_distance", "si_sdr_db"])
def test_a_lower_band_is_worse(name: str, speech: FloatArray) -> None:
    copies = [low_pass(speech, RATE, hz) for hz in (7500, 3500, 1200, 400)]
    assert_falls(name, [measured(name, speech, copy) for copy in copies])


@pytest.mark.parametrize("name", ["visqol_speech", "visqol_audio"])
def test_visqol_is_the_librarys_and_knows_worse_from_better(name: str, speech: FloatArray) -> None:
    copies = [speech, with_noise(speech, 0.003), with_noise(speech, 0.1)]
    values = [measured(name, speech[:RATE], copy[:RATE]) for copy in copies]
    assert BEST[name][0] <= values[0] <= BEST[name][1]
    assert_falls(name, values)
    visqol = pytest.importorskip("visqol")
    mode, rate = ("speech", 16_000) if name == "visqol_speech" else ("audio", 48_000)
    direct = visqol.VisqolApi()
    direct.create(mode=mode, use_lattice_model=mode == "speech")
    pair = [resample(w[None, :RATE], RATE, rate)[0].astype(float) for w in (speech, copies[1])]
    assert values[1] == pytest.approx(direct.measure_from_arrays(*pair, rate).moslqo, abs=1e-9)


def test_pesq_and_stoi_are_the_libraries(speech: FloatArray) -> None:
    pesq, pystoi = pytest.importorskip("pesq"), pytest.importorskip("pystoi")
    copy = with_noise(speech, 0.01)
    assert measured("pesq_wb", speech, copy) == pesq.pesq(RATE, speech, copy, "wb")
    for name, extended in (("stoi", False), ("estoi", True)):
        expected = pystoi.stoi(speech, copy, RATE, extended=extended)
        assert measured(name, speech, copy) == pytest.approx(expected, abs=1e-9)


def test_loudness_is_the_librarys(speech: FloatArray) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    meter = pyloudnorm.Meter(RATE)
    expected = meter.integrated_loudness(speech) - meter.integrated_loudness(0.5 * speech)
    found = measured("loudness_lu", speech, 0.5 * speech)
    assert found == pytest.approx(expected) == pytest.approx(6.02, abs=0.05)
    assert np.isnan(measured("loudness_lu", speech[:3000], speech[:3000]))


def test_pitch_is_what_was_synthesized(speech: FloatArray) -> None:
    pytest.importorskip("pyworld")
    from audiocodec.evaluate.pitch import track_pitch

    pitch = track_pitch(speech, speech, RATE)
    time = np.arange(len(pitch.reference)) * 0.005
    voiced = pitch.reference > 0
    true = 130 + 30 * np.sin(2 * np.pi * 0.7 * time)
    assert 0.3 < voiced.mean() < 0.9
    assert np.median(np.abs(pitch.reference - true)[voiced]) < 2
    other = speech[::-1].copy()
    assert measured("f0_correlation", speech, other) < 0.9
    assert measured("voicing_error", speech, np.zeros_like(speech)) == pytest.approx(
        100 * voiced.mean()
    )


def test_the_distance_of_half_the_level_is_known(speech: FloatArray) -> None:
    # Half the norm is missing, and wherever it is not floored a log differs by log 2.
    noise = with_noise(np.zeros(2 * RATE, np.float32), 0.1)
    assert measured("stft_distance", noise, 0.5 * noise) == pytest.approx(0.5 + np.log(2), abs=0.01)
    assert measured("mel_distance", noise, 0.5 * noise) == pytest.approx(np.log10(2), abs=0.01)


@pytest.mark.parametrize("name", QUICK)
def test_silence_and_a_moment_are_no_error(name: str, speech: FloatArray) -> None:
    silence, moment = np.zeros(RATE, np.float32), speech[RATE // 10 : RATE // 10 + 400]
    for reference in (silence, moment):
        value = measured(name, reference, reference)
        assert np.isnan(value) or np.isfinite(value)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pesq", "visqol"):
        monkeypatch.setitem(sys.modules, package, None)
    choice = choose(("pesq_wb", "visqol_audio", "si_sdr_db"))
    assert choice.names == ("si_sdr_db",)
    assert choice.left_out["pesq_wb"] == (
        "PESQ-WB is left out: pesq is not installed (pip install 'audiocodec[eval]')"
    )
    assert "visqol is not installed" in choice.left_out["visqol_audio"]
    with pytest.raises(AudioCodecError, match="no measure is called 'peks'; there are pesq_wb, "):
        choose(("peks",))


@pytest.mark.parametrize(
    ("name", "package"),
    [("f0_correlation", "pyworld"), ("loudness_lu", "pyloudnorm"), ("estoi", "pystoi")],
)
def test_each_measure_names_its_extra(
    name: str, package: str, speech: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    compare = MEASURES[name].compare
    assert compare is not None
    with pytest.raises(MissingExtra, match=r"pip install 'audiocodec\[eval\]'"):
        compare(speech, speech, RATE)


def test_measures_suit_what_they_were_made_for() -> None:
    assert suits("pesq_wb", "speech") and not suits("pesq_wb", "music")
    assert suits("visqol_audio", "music") and not suits("visqol_audio", "speech")
    assert all(suits(name, "all") and suits(name, "my own name") for name in MEASURES)
