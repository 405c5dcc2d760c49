"""Sounds are varied to be learned from: as long, loud and high as others might be."""

import numpy as np
from audiocodec.training.entropy.corpus import vary


def test_varied_sounds_are_others_of_the_same_kind() -> None:
    rng = np.random.default_rng(0)
    wav = (0.5 * np.sin(np.arange(24_000) * 0.2)).astype(np.float32)
    varied = [vary(wav, rng) for _ in range(30)]
    assert all(v.dtype == np.float32 and np.isfinite(v).all() for v in varied)
    lengths = np.array([len(v) for v in varied]) / len(wav)
    assert 0.79 < lengths.min() < 0.9 and 1.1 < lengths.max() < 1.26
    peaks = np.array([np.abs(v).max() for v in varied])
    assert peaks.max() <= 1 and peaks.max() > 2 * peaks.min() > 0
    for v, length in zip(varied, lengths, strict=True):
        cycles = np.argmax(np.abs(np.fft.rfft(v)))
        assert abs(cycles - 24_000 * 0.2 / (2 * np.pi)) < 2, "as many as before"
        assert abs(len(v) - length * len(wav)) < 1
