"""Batches of random crops from a resident corpus, with an order that a checkpoint can resume."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..config import DataConfig
from .augment import Augment
from .corpus import Corpus
from .manifest import NoData


def file_odds(corpus: Corpus, config: DataConfig) -> Tensor:
    """Return the chance [files] that a crop comes from each file: by duration, rebalanced.

    Raises NoData for a share of a category that no file is of.
    """
    odds = _by_speaker(corpus, config.balance_speakers)
    if config.category_shares:
        odds = _by_category(corpus, odds, config.category_shares)
    full = _full_band(corpus, config)
    within = float(odds[full].sum() / odds.sum())
    if config.full_band_share > 0 and 0 < within < 1:
        odds[full] *= config.full_band_share / within
        odds[~full] *= (1 - config.full_band_share) / (1 - within)
    return odds / odds.sum()


def full_band_share(corpus: Corpus, config: DataConfig) -> float:
    """Return the share of crops that come from files of at least `full_band_hz`."""
    return float(file_odds(corpus, config)[_full_band(corpus, config)].sum())


def _full_band(corpus: Corpus, config: DataConfig) -> Tensor:
    return torch.tensor([entry.bandwidth_hz >= config.full_band_hz for entry in corpus.entries])


def _by_speaker(corpus: Corpus, balance: float) -> Tensor:
    """Return each file's duration, over its speaker's whole one to the power of `balance`."""
    odds = corpus.lengths.double()
    whole: dict[tuple[str, str], float] = {}
    who = [(entry.category, entry.speaker or str(entry.path)) for entry in corpus.entries]
    for speaker, length in zip(who, odds.tolist(), strict=True):
        whole[speaker] = whole.get(speaker, 0.0) + length
    return odds / torch.tensor([whole[speaker] for speaker in who]).double() ** balance


def _by_category(corpus: Corpus, odds: Tensor, shares: Mapping[str, float]) -> Tensor:
    categories = [entry.category for entry in corpus.entries]
    shared = torch.zeros_like(odds)
    for category, share in shares.items():
        inside = torch.tensor([each == category for each in categories])
        if share and not inside.any():
            there = ", ".join(sorted(set(categories))[:8])
            raise NoData(
                f"data.category_shares names {category!r}, but the files are of: {there}; "
                f"change it, or draw by duration with data.category_shares={{}}"
            )
        weights = inside * odds
        shared += weights / weights.sum().clamp(min=1e-12) * share
    return shared


@dataclass(frozen=True, slots=True)
class Places:
    """Where crops begin: files [b] and offsets [b] in them, in samples."""

    files: Tensor
    offsets: Tensor

    def rows(self, rows: slice) -> "Places":
        """Return some of them."""
        return Places(self.files[rows], self.offsets[rows])


class Crops:
    """Draws batches float32 [B, 1, T]; all randomness is in `generator`."""

    def __init__(
        self, corpus: Corpus, config: DataConfig, *, segment_samples: int, seed: int
    ) -> None:
        self.corpus, self.config, self.segment_samples = corpus, config, segment_samples
        self.generator = torch.Generator().manual_seed(seed)
        self.odds = file_odds(corpus, config)
        self.augment = Augment(config, corpus.sample_rate_hz)

    def draw(self, device: torch.device, rows: slice = slice(None)) -> Tensor:
        """Return the next batch, or only some rows of it, drawn as if it were the whole.

        Files shorter than a segment are followed by silence.
        """
        batch, length = self.config.batch_size, self.segment_samples
        reach = self.augment.reach(length)
        places = self._places(batch, reach)
        gains = self._gains(batch)
        extra = self.augment.draw(batch, self.generator)
        wav = self._cut(places.rows(rows), reach, device)
        if extra is not None:
            others = self._places(batch, length).rows(rows)
            other = self._cut(others, length, device)
            wav = self.augment.apply(wav, other, extra.rows(rows), length)
        return wav[:, None] * gains[rows].to(device)

    def _places(self, batch: int, length: int) -> Places:
        files = torch.multinomial(self.odds, batch, replacement=True, generator=self.generator)
        spare = (self.corpus.lengths[files] - length).clamp(min=0)
        where = torch.rand(batch, generator=self.generator, dtype=torch.float64)
        return Places(files, (where * (spare + 1)).long().clamp(max=spare))

    def _cut(self, places: Places, length: int, device: torch.device) -> Tensor:
        """Return crops float32 [b, length], cut where the corpus lies."""
        begins = self.corpus.starts[places.files] + places.offsets
        there = (self.corpus.lengths[places.files] - places.offsets).clamp(max=length)
        samples = self.corpus.samples
        if samples.device.type == "cpu":
            crops = torch.zeros(len(begins), length, dtype=samples.dtype)
            for row, begin, count in zip(crops, begins.tolist(), there.tolist(), strict=True):
                row[:count] = samples[begin : begin + count]
            return crops.to(device).float() / 32768
        grid = torch.arange(length, device=samples.device)[None]
        inside = grid < there.to(samples.device)[:, None]
        cut = samples[(grid + begins.to(samples.device)[:, None]) * inside]
        return (cut * inside).to(device).float() / 32768

    def _gains(self, batch: int) -> Tensor:
        low, high = self.config.gain_db
        db = low + (high - low) * torch.rand(batch, generator=self.generator)
        sign = torch.randint(0, 2, (batch,), generator=self.generator) * 2 - 1
        return (sign * 10 ** (db / 20))[:, None, None]
