"""Sounds are brought to one loudness for encoding, and back to their own when decoded."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiocodec.audio.loudness import LoudnessMeter
from audiocodec.bitstream import Reader
from audiocodec.codec import Codec
from audiocodec.errors import UnsupportedAudio
from audiocodec.files import decode_file, encode_file
from audiocodec.levelling import Level, measure_level, undoing_factor


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    """Two channels of noise at about -43 LUFS, peaks near -28 dBFS."""
    wav = np.random.default_rng(0).standard_normal((16_000, 2)) * 0.008
    soundfile.write(tmp_path / "quiet.wav", wav, 8000, subtype="FLOAT")
    return tmp_path / "quiet.wav"


def samples(path: Path) -> np.ndarray:
    return np.asarray(soundfile.read(path, dtype="float32")[0])


def test_the_gain_reaches_the_target_or_the_peaks_limit(quiet: Path) -> None:
    level = measure_level(quiet, -30, raw=None, mono=False)
    assert level.loudness_lufs is not None
    assert level.gain_db == pytest.approx(-30 - level.loudness_lufs, abs=0.01)
    loud = (samples(quiet) * level.factor).T
    meter = LoudnessMeter(8000, 2)
    meter.push(np.ascontiguousarray(loud))
    assert meter.loudness_lufs() == pytest.approx(-30, abs=0.02)
    limited = measure_level(quiet, 0, raw=None, mono=False)
    assert np.abs(samples(quiet)).max() * limited.factor == pytest.approx(10 ** (-1 / 20), abs=2e-3)
    mixed = measure_level(quiet, -30, raw=None, mono=True)
    assert mixed.loudness_lufs is not None and mixed.loudness_lufs < level.loudness_lufs - 3


def test_there_and_back(quiet: Path, tmp_path: Path, tiny_codec: Codec) -> None:
    codes, loud = tmp_path / "a.codes", tmp_path / "loud.wav"
    encode_file(quiet, codes, codec=tiny_codec, normalize_lufs=-20, metadata={"title": "x"})
    with codes.open("rb") as file:
        kept = dict(Reader(file).header.metadata)
    level = measure_level(quiet, -20, raw=None, mono=False)
    assert kept == {"title": "x", **dict(level.metadata)} and float(kept["gain_db"]) > 10
    soundfile.write(loud, samples(quiet) * np.float32(level.factor), 8000, subtype="FLOAT")
    encode_file(loud, tmp_path / "b.codes", codec=tiny_codec)
    decoded = []
    for name, keep in (("a", False), ("a", True), ("b", False)):
        target = tmp_path / f"{name}{keep}.wav"
        decode_file(
            tmp_path / f"{name}.codes", target, codec=tiny_codec, encoding="float32", keep_gain=keep
        )
        decoded.append(samples(target))
    assert np.abs(decoded[1]).max() > 0
    assert np.array_equal(decoded[1], decoded[2]), "the codes are those of the louder sound"
    assert np.allclose(decoded[0] * level.factor, decoded[1], rtol=1e-5, atol=1e-7)


def test_streams_and_silence(tmp_path: Path, quiet: Path, tiny_codec: Codec) -> None:
    data = io.BytesIO(b"before" + quiet.read_bytes())
    data.seek(6)
    assert measure_level(data, -30, raw=None, mono=False).gain_db > 0
    assert data.tell() == 6, "as it was, to be read again"

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(UnsupportedAudio, match="not known before its end"):
        encode_file(Pipe(quiet.read_bytes()), io.BytesIO(), codec=tiny_codec, normalize_lufs=-20)
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 8000)
    silent = measure_level(tmp_path / "silence.wav", -20, raw=None, mono=False)
    assert silent == Level(None, 0.0) and silent.metadata == [("gain_db", "0.00")]


@pytest.mark.parametrize(
    ("text", "factor"),
    [("6.02", 0.5), ("-20", 10.0), ("loud", 1.0), ("nan", 1.0), ("inf", 1.0), ("-500", 1.0)],
)
def test_what_a_file_says_is_believed_within_bounds(text: str, factor: float) -> None:
    found = undoing_factor([("title", "x"), ("gain_db", text)])
    assert found == pytest.approx(factor, rel=1e-3)
    assert undoing_factor([("title", "x")]) == 1.0
