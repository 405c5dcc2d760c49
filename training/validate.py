"""Held-out quality while training: the same few clips, at several numbers of levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from audiocodec.audio.write import SoundWriter
from audiocodec.errors import MissingExtra
from audiocodec.evaluate.distortion import mel_distance, si_sdr_db
from audiocodec.evaluate.perceptual import pesq_wb, stoi
from audiocodec.evaluate.similarity import visqol_speech
from audiocodec.families.soundstream import SoundStream

from .board import Board
from .config import RunConfig
from .data.corpus import Corpus
from .data.manifest import Entry

TREBLE_HZ = 8000
TREBLE_DB = -60.0
"""Sound has treble if what is above TREBLE_HZ is not further below the whole than this."""

PERCEPTUAL = {"stoi": stoi, "pesq_wb": pesq_wb, "visqol": visqol_speech}
PERCEPTUAL_MIN_S = 1.0
"""Perceptual measures refuse or mismeasure shorter clips."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Means over the clips, by number of levels; 0 levels means without the quantizer."""

    by_levels: dict[int, dict[str, float]]

    @property
    def score(self) -> float:
        """Mel distance at the most levels: what `best` is chosen by, lower is better."""
        return self.by_levels[max(self.by_levels)]["mel"]


def choose_entries(entries: Sequence[Entry], clips: int) -> list[Entry]:
    """Return so many entries, evenly spread; of speech alone where there is such a category."""
    chosen = [entry for entry in entries if entry.category == "speech"] or list(entries)
    picked = np.linspace(0, len(chosen) - 1, min(clips, len(chosen))).astype(int)
    return [chosen[i] for i in picked]


def cut_clips(corpus: Corpus, run: RunConfig, sample_rate_hz: int) -> list[Tensor]:
    """Return one clip [T] of every file, from its second second on where it is long enough."""
    length = int(run.validation_s * sample_rate_hz)
    clips = []
    for i in range(len(corpus.entries)):
        wav = corpus.wav(i)
        begin = max(0, min(sample_rate_hz, len(wav) - length))
        clips.append(wav[begin : begin + length])
    return clips


@torch.no_grad()
def validate(
    network: SoundStream, clips: list[Tensor], levels: tuple[int, ...], *, quantize: bool
) -> Validation:
    """Measure mel distance, SI-SDR, and STOI, PESQ-WB and ViSQOL where these are installed.

    Also by how many dB the treble has become louder, over the clips that have some: a codec that
    drops high frequencies shows there.
    """
    was_training = network.training
    network.eval()
    wanted = sorted({min(k, network.quantizer.levels) for k in levels}) if quantize else [0]
    by_levels = {k: _means([_measure(network, clip, k) for clip in clips]) for k in wanted}
    network.train(was_training)
    return Validation(by_levels)


@torch.no_grad()
def reconstruct(network: SoundStream, wav: Tensor, levels: int) -> Tensor:
    """Return wav [T] through the codec at `levels` levels (0: without the quantizer)."""
    hop, delay = network.spec.hop_samples, network.delay_samples
    padded = torch.nn.functional.pad(wav, (0, delay + -(len(wav) + delay) % hop))[None, None]
    device = network.quantizer.codebooks.device
    latents, _ = network.encoder(padded.to(device))
    if levels:
        latents = network.quantizer.decode(network.quantizer.encode(latents, levels))
    fake: Tensor = network.decoder(latents)[0]
    return fake[0, 0, delay : delay + len(wav)].cpu()


def save_clips(
    network: SoundStream,
    clips: list[Tensor],
    folder: Path,
    *,
    step: int,
    quantize: bool,
    board: Board | None = None,
) -> None:
    """Write clips beside what the network makes of them at all levels: `00_real.wav`, ...

    board: TensorBoard's, which gets them as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    levels = network.quantizer.levels if quantize else 0
    for i, wav in enumerate(clips):
        fake = reconstruct(network, wav, levels)
        for name, sound in (("real", wav), (f"step_{step:07d}_levels_{levels}", fake)):
            # A network that has diverged is to be seen in the figures, not to end the run.
            samples = torch.nan_to_num(sound).clamp(-1, 1)[None].numpy()
            path = folder / f"{i:02d}_{name}.wav"
            rate = network.spec.sample_rate_hz
            with SoundWriter(path, sample_rate_hz=rate, channels=1, overwrite=True) as writer:
                writer.write(samples)
            if board:
                kind = "real" if name == "real" else "generated"
                board.sound(f"{i:02d}/{kind}", sound, step, rate)


def _measure(network: SoundStream, wav: Tensor, levels: int) -> dict[str, float]:
    fake, rate = reconstruct(network, wav, levels), network.spec.sample_rate_hz
    measures = {
        "mel": float(mel_distance(wav, fake, rate)),
        "si_sdr_db": float(si_sdr_db(wav, fake)),
    }
    if (lost := treble_db(wav, fake, rate)) is not None:
        measures["treble_db"] = lost
    if len(wav) < PERCEPTUAL_MIN_S * rate or not torch.isfinite(fake).all():
        return measures
    for name, measure in PERCEPTUAL.items():
        try:
            measures[name] = measure(wav.numpy(), fake.numpy(), rate)
        except MissingExtra:
            continue
    return measures


def treble_db(wav: Tensor, fake: Tensor, rate: int) -> float | None:
    """Return how much louder fake [T] is than wav [T] above TREBLE_HZ; None without treble."""
    high = torch.fft.rfftfreq(len(wav), 1 / rate) >= TREBLE_HZ
    power = [torch.fft.rfft(sound).abs().square() for sound in (wav, fake)]
    treble = [float(each[high].sum()) for each in power]
    if treble[0] <= float(power[0].sum()) * 10 ** (TREBLE_DB / 10):
        return None
    return float(10 * np.log10(max(treble[1], 1e-12) / treble[0]))


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of every measure over the rows that have it."""
    means = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = np.array([row[name] for row in rows if name in row])
        if name in PERCEPTUAL:  # not a number where there is no speech
            values = values[~np.isnan(values)]
        if len(values):
            means[name] = float(values.mean())
    return means
