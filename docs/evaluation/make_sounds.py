"""Make sounds/: what can be listened to on the page. No recording and no file of a data set.

    python docs/evaluation/make_sounds.py

Two sentences by eSpeak NG (espeak-ng has to be installed), a tune on plucked strings and a rain
with birds, both from numpy. 4 seconds each, 24 kHz, mono, CC0 1.0. The same on every run.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 24_000
SECONDS = 4
HERE = Path(__file__).parent / "sounds"
Wave = NDArray[np.float64]

SENTENCES = {
    "speech_english": (
        "en-gb+f3",
        "A river of numbers runs past, and somebody at its end hears us.",
    ),
    "speech_german": ("de+m3", "Zwölf Zahlen im Takt, und daraus wird wieder eine Stimme."),
}


def fitted(wav: Wave, peak: float = 0.6) -> Wave:
    """Return exactly SECONDS of a wave, with short fades and this peak."""
    whole = np.zeros(RATE * SECONDS)
    whole[: len(wav)] = wav[: len(whole)]
    fade = np.minimum(1, np.arange(len(whole)) / (0.01 * RATE))
    whole *= fade * fade[::-1]
    return np.asarray(peak * whole / np.abs(whole).max())


def speech(voice: str, text: str) -> Wave:
    """Return a sentence at 24 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "155", "-w", path, text], check=True)
        wav, rate = soundfile.read(path)
    return np.asarray(soxr.resample(wav, rate, RATE, quality="VHQ"))


def pluck(hz: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Return a plucked string (Karplus and Strong, 1983)."""
    string = rng.uniform(-1, 1, round(RATE / hz))
    out = np.empty(round(RATE * seconds))
    for begin in range(0, len(out), len(string)):
        end = min(begin + len(string), len(out))
        out[begin:end] = string[: end - begin]
        string = 0.4975 * (string + np.roll(string, 1))
    return out


def music(rng: np.random.Generator) -> Wave:
    """Return a broken chord on strings over a bass, with a shaker."""
    out = np.zeros(RATE * (SECONDS + 2))
    beat = 0.25
    chords = [
        (57, 60, 64, 69),
        (53, 57, 60, 65),
        (48, 55, 60, 64),
        (55, 59, 62, 67),
        (57, 60, 64, 69),
    ]
    for bar, chord in enumerate(chords):
        for step, note in enumerate((*chord, *chord[::-1][:-1])):
            begin = round((bar * 4 + step * 0.5) * beat * RATE)
            tone = pluck(440 * 2 ** ((note - 69) / 12), 1.6, rng)
            out[begin : begin + len(tone)] += 0.5 * tone[: len(out) - begin]
        begin = round(bar * 4 * beat * RATE)
        low = pluck(440 * 2 ** ((chord[0] - 81) / 12), 1.9, rng)
        out[begin : begin + len(low)] += 0.8 * low[: len(out) - begin]
    for step in range(int(SECONDS / beat * 2)):
        begin = round(step * beat / 2 * RATE)
        hiss = np.diff(rng.standard_normal(1500)) * np.exp(-np.arange(1499) / 250)
        out[begin : begin + 1499] += (0.10 if step % 2 else 0.04) * hiss
    return out


def rain(rng: np.random.Generator) -> Wave:
    """Return rain, single drops, and two birds."""
    count = RATE * SECONDS
    hz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * (hz / 800) / (1 + (hz / 2500) ** 2)
    out = 0.05 * np.fft.irfft(spectrum, count)
    for begin in rng.integers(0, count - 900, 160):
        time = np.arange(900) / RATE
        pitch = rng.uniform(1200, 5000)
        out[begin : begin + 900] += (
            rng.uniform(0.02, 0.2) * np.sin(2 * np.pi * pitch * time) * np.exp(-time * 350)
        )
    for start, low, high in (
        (0.7, 2800, 4600),
        (1.0, 2800, 4600),
        (2.4, 3600, 5200),
        (3.6, 2500, 4800),
    ):
        time = np.arange(round(0.22 * RATE)) / RATE
        sweep = low + (high - low) * 0.5 * (1 - np.cos(2 * np.pi * time / 0.11))
        call = np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.hanning(len(time))
        begin = round(start * RATE)
        out[begin : begin + len(call)] += 0.35 * call
    return out


def main() -> None:
    """Write all four."""
    rng = np.random.default_rng(8)
    sounds = {name: speech(*words) for name, words in SENTENCES.items()}
    sounds |= {"music_strings": music(rng), "sound_rain": rain(rng)}
    HERE.mkdir(exist_ok=True)
    for name, wav in sounds.items():
        soundfile.write(HERE / f"{name}.flac", fitted(wav), RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
