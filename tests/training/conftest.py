"""A recipe of milliseconds, and corpora that were never files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from audiocodec.training.config import Recipe
from audiocodec.training.data.corpus import Corpus
from audiocodec.training.data.crops import Crops
from audiocodec.training.data.manifest import Entry
from audiocodec.training.state import TrainState, new_state
from audiocodec.training.tables import build
from torch import Tensor


def tiny_table() -> dict[str, Any]:
    """Return a recipe's table: hop 32 at 8 kHz, 3 levels of 8 vectors, one phase of each kind."""
    weights = {"spectral": 1.0, "reconstruction": 1.0, "commitment": 1.0}
    return {
        "name": "tiny",
        "spectral_loss": "log_mel",
        "model": {
            "sample_rate_hz": 8000,
            "patch_samples": 16,
            "stem_kernel": 32,
            "strides": [2],
            "encoder_channels": [4, 4],
            "decoder_channels": [4, 4],
            "unit_kernel": 3,
            "dilations": [1],
            "latent_dim": 4,
            "levels": 3,
            "codebook_size": 8,
        },
        "data": {"segment_s": 0.064, "batch_size": 3, "gain_db": [-6.0, 0.0]},
        "optim": {"generator_lr": 1e-3, "warmup_steps": 2},
        "quantizer": {"update_every": 2, "kmeans_frames": 90, "revive_below": 1.0},
        "discriminators": {
            "stft_channels": 1,
            "stft_windows": [128],
            "wave_channels": 1,
            "wave_poolings": [2],
        },
        "phases": [
            {"until": 2, "quantize": False, **weights},
            {"until": 6, **weights},
            {"until": 10, "adversarial": 1.0, "feature": 0.1, **weights},
        ],
        "run": {
            "device": "cpu",
            "validation_clips": 0,
            "log_every": 1,
            "save_every": 4,
            "tensorboard": False,
        },
    }


@pytest.fixture
def table() -> dict[str, Any]:
    return tiny_table()


@pytest.fixture
def recipe(table: dict[str, Any]) -> Recipe:
    return build(Recipe, table, where="recipe")


def corpus_of(
    waves: Sequence[Tensor],
    *,
    categories: Sequence[str] = (),
    bandwidths_hz: Sequence[float] = (),
) -> Corpus:
    lengths = torch.tensor([len(wav) for wav in waves])
    return Corpus(
        samples=torch.cat([(wav * 32767).round().to(torch.int16) for wav in waves]),
        starts=lengths.cumsum(0) - lengths,
        lengths=lengths,
        sample_rate_hz=8000,
        entries=tuple(
            Entry(
                Path(f"{i}.wav"),
                categories[i] if categories else "",
                bandwidths_hz[i] if bandwidths_hz else float("inf"),
            )
            for i in range(len(waves))
        ),
        unreadable=(),
    )


@pytest.fixture
def make_corpus() -> Callable[..., Corpus]:
    return corpus_of


@pytest.fixture
def make_state() -> Callable[[Recipe], TrainState]:
    """Return a new state of a recipe, on two noisy tones."""

    def make(recipe: Recipe) -> TrainState:
        time = torch.arange(4000) / 8000
        noise = torch.randn(2, 4000, generator=torch.Generator().manual_seed(5))
        waves = [
            0.4 * torch.sin(2 * torch.pi * hz * time) + 0.05 * n
            for hz, n in zip((220.0, 1300.0), noise, strict=True)
        ]
        crops = Crops(corpus_of(waves), recipe.data, segment_samples=512, seed=2)
        return new_state(recipe, crops, torch.device("cpu"))

    return make
