"""Mixing, band-limiting and change of speed: what they do, and that nothing is drawn for none."""

from collections.abc import Callable

import pytest
import torch
from audiocodec.training.config import DataConfig
from audiocodec.training.data.augment import Augment, band_limit, change_speed, mix
from audiocodec.training.data.corpus import Corpus
from audiocodec.training.data.crops import Crops
from torch import Tensor

CPU = torch.device("cpu")
RATE = 8000
MakeCorpus = Callable[..., Corpus]


def tone(hz: float, samples: int = 4000) -> Tensor:
    return 0.5 * torch.sin(2 * torch.pi * hz * torch.arange(samples) / RATE)


def loudest_hz(wav: Tensor) -> float:
    spectrum = torch.fft.rfft(wav * torch.hann_window(len(wav))).abs()
    return float(spectrum.argmax()) * RATE / len(wav)


@pytest.mark.parametrize("speed", [0.8, 0.97, 1.25])
def test_another_speed_is_another_pitch_at_the_same_level(speed: float) -> None:
    wav = change_speed(tone(1000, 6000), speed, 4000)
    assert len(wav) == 4000
    assert loudest_hz(wav) == pytest.approx(1000 * speed, abs=3)
    assert float(wav[500:3500].abs().max()) == pytest.approx(0.5, abs=0.03)


def test_what_would_pass_nyquist_is_cut_and_not_folded_back() -> None:
    assert float(change_speed(tone(3600, 6000), 1.25, 4000)[500:3500].abs().max()) < 0.03


def test_mixing_has_the_asked_level_and_does_not_clip() -> None:
    wav, other = torch.stack([tone(500), tone(500)]), torch.stack([tone(900), tone(900)])
    mixed = mix(wav, other, torch.tensor([20.0, float("inf")]))
    added = mixed[0] - wav[0]
    assert float(added.square().mean().sqrt()) == pytest.approx(0.1 * 0.3536, rel=0.01)
    assert torch.equal(mixed[1], wav[1])
    loud = mix(1.9 * wav, other, torch.tensor([0.0, 0.0]))
    assert float(loud.abs().max()) <= 1.0


def test_mixing_with_silence_changes_nothing() -> None:
    wav = tone(500)[None]
    assert torch.equal(mix(wav, torch.zeros_like(wav), torch.tensor([0.0])), wav)
    silent = mix(torch.zeros_like(wav), wav, torch.tensor([0.0]))
    assert torch.equal(silent, torch.zeros_like(wav))


def test_a_band_ends_where_it_was_drawn_to_end() -> None:
    wav = (tone(500) + tone(3000))[None].repeat(2, 1)
    limited = band_limit(wav, torch.tensor([1500.0, float("inf")]), RATE)
    assert torch.allclose(limited[0, 200:-200], tone(500)[200:-200], atol=0.01)
    assert torch.equal(limited[1], wav[1])


def test_shares_hold() -> None:
    config = DataConfig(mix_share=0.25, band_limit_share=0.5, speed_share=1.0)
    extra = Augment(config, RATE).draw(4000, torch.Generator().manual_seed(0))
    assert extra is not None
    assert float(torch.isfinite(extra.mix_db).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float(torch.isfinite(extra.cutoff_hz).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert 0.9 <= float(extra.speed.min()) < 0.92 and 1.08 < float(extra.speed.max()) <= 1.1


def test_rows_of_a_batch_are_those_of_the_whole(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus([torch.rand(900) - 0.5, torch.rand(60) - 0.5])
    config = DataConfig(
        batch_size=6, gain_db=(-3.0, 3.0), mix_share=0.5, band_limit_share=0.5, speed_share=0.5
    )
    crops = [Crops(corpus, config, segment_samples=200, seed=1) for _ in range(3)]
    whole = crops[0].draw(CPU)
    halves = [crops[1].draw(CPU, slice(0, 3)), crops[2].draw(CPU, slice(3, 6))]
    assert whole.shape == (6, 1, 200) and torch.isfinite(whole).all()
    assert torch.allclose(torch.cat(halves), whole, atol=1e-6)


def test_without_shares_the_order_is_that_of_a_recipe_without_them(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus([torch.rand(900)])
    config = DataConfig(batch_size=2)
    crops = Crops(corpus, config, segment_samples=50, seed=0)
    assert Augment(config, RATE).draw(2, crops.generator) is None
    assert Augment(config, RATE).reach(50) == 50
