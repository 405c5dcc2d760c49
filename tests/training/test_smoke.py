"""Training as a user starts it: the smoke recipe learns a few seconds of synthetic sound."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

import audiocodec

RATE_HZ = 8000


def vowel(pitch_hz: float, formants_hz: tuple[int, ...]) -> np.ndarray:
    """Return 1.5 s of harmonics under formants, with vibrato, in syllables."""
    time = np.arange(RATE_HZ * 3 // 2) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * 3 * time))) / RATE_HZ
    wav = np.zeros_like(time)
    for harmonic in range(1, int(RATE_HZ / 2 / pitch_hz / 1.1)):
        gains = [np.exp(-(((harmonic * pitch_hz - f) / 150) ** 2)) for f in formants_hz]
        wav += (sum(gains) + 0.01) * np.sin(harmonic * phase)
    wav *= 0.5 - 0.5 * np.cos(2 * np.pi * 4 * time)
    return np.asarray(0.5 * wav / np.abs(wav).max())


def chirp(begin_hz: float, end_hz: float) -> np.ndarray:
    seconds = 1.5
    time = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    return 0.4 * np.sin(2 * np.pi * (begin_hz * time + (end_hz - begin_hz) * time**2 / 2 / seconds))


def si_sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    target = (reference @ estimate) / (reference @ reference) * reference
    return float(10 * np.log10((target**2).sum() / ((estimate - target) ** 2).sum()))


def test_the_smoke_recipe_learns_to_code(tmp_path: Path) -> None:
    sounds = [
        vowel(110, (700, 1200)),
        vowel(150, (300, 2300)),
        vowel(200, (450, 800)),
        chirp(200, 900),
    ]
    for split in ("train", "dev"):
        (tmp_path / "data" / split).mkdir(parents=True)
        for i, wav in enumerate(sounds):
            soundfile.write(tmp_path / "data" / split / f"{i}.wav", wav, RATE_HZ)
    (tmp_path / "data" / "train" / "broken.wav").write_bytes(b"RIFF and no more")
    run = tmp_path / "run"
    command = [sys.executable, "-m", "audiocodec.training", "smoke", "run.threads=1"]
    command += [f"data.root={tmp_path / 'data'}", f"run.folder={run}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run / "export")
    assert "left out: " in done.stderr and "finished after step 240" in done.stderr

    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    reports = [row for row in rows if "steps_per_s" in row]
    first, last = reports[0], reports[-1]
    assert last["complex_spectral"] < 0.6 * first["complex_spectral"]
    assert last["spectral"] < 0.65 * first["spectral"]
    assert last["skipped"] == 0 and "discriminator" in last and "discriminator" not in first
    assert min(last["diversity"]) > 0.7 and max(last["dead"]) < 0.2

    codec = audiocodec.load(run / "export")
    quality = []
    for levels in (1, 4):
        codes = [codec.encode(wav, RATE_HZ, levels=levels) for wav in sounds]
        assert all(len(np.unique(each.indices)) > 8 for each in codes)
        backs = [codec.decode(each).numpy() for each in codes]
        assert all(len(back) == len(wav) for back, wav in zip(backs, sounds, strict=True))
        pairs = zip(sounds, backs, strict=True)
        quality.append(np.mean([si_sdr_db(wav, back.astype(float)) for wav, back in pairs]))
    # Untrained, it is below -30 dB.
    assert quality[1] > quality[0] + 1 and quality[1] > 0, quality
