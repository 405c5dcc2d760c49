"""Held-out quality while training: the same few clips, at several numbers of levels."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audiocodec.errors import MissingExtra
from audiocodec.evaluate.distortion import mel_distance, si_sdr_db
from audiocodec.evaluate.perceptual import pesq_wb, stoi
from audiocodec.families.soundstream import SoundStream

from .config import RunConfig
from .data.corpus import Corpus


@dataclass(frozen=True, slots=True)
class Validation:
    """Means over the clips, by number of levels; 0 levels means without the quantizer."""

    by_levels: dict[int, dict[str, float]]

    @property
    def score(self) -> float:
        """Mel distance at the most levels: what `best` is chosen by, lower is better."""
        return self.by_levels[max(self.by_levels)]["mel"]


def choose_clips(corpus: Corpus, run: RunConfig, sample_rate_hz: int) -> list[Tensor]:
    """Return clips [T] spread evenly over the files, speech first where categories are known."""
    speech = [i for i, entry in enumerate(corpus.entries) if entry.category == "speech"]
    files = speech or list(range(len(corpus.entries)))
    picked = np.linspace(0, len(files) - 1, min(run.validation_clips, len(files))).astype(int)
    length = int(run.validation_s * sample_rate_hz)
    clips = []
    for i in picked:
        wav = corpus.wav(files[i])
        begin = max(0, min(sample_rate_hz, len(wav) - length))
        clips.append(wav[begin : begin + length])
    return clips


@torch.inference_mode()
def validate(
    network: SoundStream, clips: list[Tensor], levels: tuple[int, ...], *, quantize: bool
) -> Validation:
    """Measure mel distance, SI-SDR and, where their libraries are installed, STOI and PESQ-WB."""
    was_training = network.training
    network.eval()
    wanted = sorted({min(k, network.quantizer.levels) for k in levels}) if quantize else [0]
    by_levels = {k: _means([_measure(network, clip, k) for clip in clips]) for k in wanted}
    network.train(was_training)
    return Validation(by_levels)


def reconstruct(network: SoundStream, wav: Tensor, levels: int) -> Tensor:
    """Return wav [T] through the codec at `levels` levels (0: without the quantizer)."""
    hop = network.spec.hop_samples
    padded = torch.nn.functional.pad(wav, (0, -len(wav) % hop))[None, None]
    device = network.quantizer.codebooks.device
    latents, _ = network.encoder(padded.to(device))
    if levels:
        latents = network.quantizer.decode(network.quantizer.encode(latents, levels))
    fake, _ = network.decoder(latents)
    return fake[0, 0, : len(wav)].cpu()


def _measure(network: SoundStream, wav: Tensor, levels: int) -> dict[str, float]:
    fake, rate = reconstruct(network, wav, levels), network.spec.sample_rate_hz
    measures = {
        "mel": float(mel_distance(wav, fake, rate)),
        "si_sdr_db": float(si_sdr_db(wav, fake)),
    }
    for name, measure in (("stoi", stoi), ("pesq_wb", pesq_wb)):
        try:
            measures[name] = measure(wav.numpy(), fake.numpy(), rate)
        except MissingExtra:
            continue
    return measures


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
