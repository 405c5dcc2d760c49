"""Crops: where they come from, how often, and that a checkpoint can go on with their order."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from audiocodec.training.config import DataConfig
from audiocodec.training.data.corpus import Corpus
from audiocodec.training.data.crops import Crops, file_odds
from audiocodec.training.data.manifest import NoData

CPU = torch.device("cpu")
MakeCorpus = Callable[..., Corpus]


def test_without_shares_files_are_drawn_by_duration(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus([torch.zeros(300), torch.zeros(100)])
    assert file_odds(corpus, DataConfig()).tolist() == [0.75, 0.25]


def test_category_shares_hold_and_inside_them_duration(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(
        [torch.zeros(300), torch.zeros(100), torch.zeros(50), torch.zeros(9)],
        categories=["speech", "speech", "music", "noise"],
    )
    config = DataConfig(category_shares={"speech": 3.0, "music": 1.0})
    odds = file_odds(corpus, config).tolist()
    assert odds == pytest.approx([0.75 * 0.75, 0.75 * 0.25, 0.25, 0.0])


def test_a_share_of_no_file_is_an_error(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus([torch.zeros(10)], categories=["music"])
    with pytest.raises(NoData, match="names 'speech', but the files are of: music"):
        file_odds(corpus, DataConfig(category_shares={"speech": 1.0}))


def test_speakers_are_balanced_inside_their_category(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(
        [torch.zeros(600), torch.zeros(200), torch.zeros(200), torch.zeros(100)],
        categories=["speech", "speech", "speech", "music"],
    )
    speakers = ("anna", "anna", "ben", "")
    entries = tuple(
        replace(entry, speaker=who) for entry, who in zip(corpus.entries, speakers, strict=True)
    )
    corpus = replace(corpus, entries=entries)
    shares = {"speech": 0.8, "music": 0.2}
    config = DataConfig(category_shares=shares, balance_speakers=1.0)
    assert file_odds(corpus, config).tolist() == pytest.approx([0.3, 0.1, 0.4, 0.2])
    half = DataConfig(category_shares={"speech": 1.0}, balance_speakers=0.5)
    anna, ben = 800**0.5, 200**0.5
    found = file_odds(corpus, half)
    assert float(found[:2].sum() / found[2]) == pytest.approx(anna / ben)


def test_full_band_share_holds(make_corpus: MakeCorpus) -> None:
    waves = [torch.zeros(300), torch.zeros(60), torch.zeros(40)]
    corpus = make_corpus(waves, bandwidths_hz=[8000, 10_000, 12_000])
    odds = file_odds(corpus, DataConfig(full_band_share=0.8)).tolist()
    assert odds == pytest.approx([0.2, 0.8 * 0.6, 0.8 * 0.4])


@pytest.mark.parametrize("bandwidths_hz", [[8000, 8000], [12_000, 12_000], [12_000, 8000]])
def test_full_band_share_needs_both_kinds_to_be_drawn(
    make_corpus: MakeCorpus, bandwidths_hz: list[float]
) -> None:
    """In the third case the band-limited file is of a category that is not drawn."""
    corpus = make_corpus(
        [torch.zeros(10), torch.zeros(10)],
        categories=["speech", "music"],
        bandwidths_hz=bandwidths_hz,
    )
    config = DataConfig(full_band_share=0.5, category_shares={"speech": 1.0})
    assert file_odds(corpus, config).tolist() == [1.0, 0.0]


def test_crops_lie_inside_one_file_and_use_all_of_it(make_corpus: MakeCorpus) -> None:
    """Samples count up through two files with a gap: a crop that crossed it would show."""
    first, second = torch.arange(1, 41) / 1000, torch.arange(1001, 1031) / 2000
    config = DataConfig(batch_size=400)
    crops = Crops(make_corpus([first, second]), config, segment_samples=10, seed=0)
    batch = crops.draw(CPU)
    assert batch.shape == (400, 1, 10)
    steps = batch[:, 0].abs().diff(dim=1)
    both = torch.isclose(steps, torch.tensor(1 / 1000), atol=1e-4).all(dim=1)
    other = torch.isclose(steps, torch.tensor(1 / 2000), atol=1e-4).all(dim=1)
    assert (both | other).all() and both.any() and other.any()
    begins = set((batch[both][:, 0, 0].abs() * 1000).round().int().tolist())
    assert begins == set(range(1, 32))


def test_short_files_are_followed_by_silence(make_corpus: MakeCorpus) -> None:
    crops = Crops(
        make_corpus([torch.full((7,), 0.5)]), DataConfig(batch_size=4), segment_samples=16, seed=0
    )
    batch = crops.draw(CPU)[:, 0]
    assert torch.allclose(batch[:, :7].abs(), torch.tensor(0.5), atol=1e-4)
    assert (batch[:, 7:] == 0).all()


def test_a_file_of_one_sample_and_silence_are_drawn_as_they_are(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus([torch.ones(1), torch.zeros(50)])
    batch = Crops(corpus, DataConfig(batch_size=64), segment_samples=8, seed=0).draw(CPU)
    assert torch.isfinite(batch).all()
    assert set(batch[:, 0, 1:].flatten().tolist()) == {0.0}


def test_gain_and_polarity_are_random_within_bounds(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus([torch.full((100,), 0.5)])
    config = DataConfig(batch_size=500, gain_db=(-6.0, 6.0))
    batch = Crops(corpus, config, segment_samples=4, seed=0).draw(CPU)[:, 0, 0]
    gains_db = 20 * torch.log10(batch.abs() / 0.5)
    assert -6.01 <= gains_db.min() < -5.5 and 5.5 < gains_db.max() <= 6.01
    assert 0.4 < float((batch > 0).float().mean()) < 0.6


def test_the_order_goes_on_from_the_generators_state(make_corpus: MakeCorpus) -> None:
    corpus = make_corpus([torch.rand(500), torch.rand(300)])
    config = DataConfig(batch_size=5, gain_db=(-3.0, 3.0))
    crops = Crops(corpus, config, segment_samples=20, seed=1)
    crops.draw(CPU)
    state = crops.generator.get_state()
    expected = [crops.draw(CPU) for _ in range(3)]
    other = Crops(corpus, config, segment_samples=20, seed=99)
    other.generator.set_state(state)
    assert all(torch.equal(other.draw(CPU), batch) for batch in expected)
