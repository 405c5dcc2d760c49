"""A recipe's splits into memory, with every oddity of the files said."""

import random
from collections.abc import Callable, Iterable
from itertools import islice

from ..config import Recipe
from .corpus import Corpus, load_corpus, remarks
from .crops import full_band_share
from .huggingface import stream_entries
from .manifest import Entry, list_entries

Console = Callable[[str], None]


def read_training(recipe: Recipe, console: Console) -> Corpus:
    """Read the training split, `max_hours` of it. Raises NoData, MissingExtra."""
    data = recipe.data
    entries: Iterable[Entry]
    if data.dataset:
        entries = stream_entries(data, data.train_split)
    else:
        entries = list_entries(data, data.train_split)
        if data.max_hours:
            random.Random(recipe.run.seed).shuffle(entries)
    corpus = _read(entries, recipe, data.train_split, data.max_hours, console)
    segment = int(data.segment_s * recipe.model.sample_rate_hz)
    for line in remarks(corpus, segment):
        console(f"{data.train_split}: {line}")
    _say_band(corpus, recipe, console)
    return corpus


def read_validation(
    recipe: Recipe, console: Console, choose: Callable[[list[Entry], int], list[Entry]]
) -> Corpus:
    """Read the files of the validation split that `choose` takes of (entries, how many).

    Of a dataset, among its first rows. Raises NoData, MissingExtra.
    """
    data, clips = recipe.data, recipe.run.validation_clips
    if data.dataset:
        listed = list(islice(stream_entries(data, data.validation_split), 4 * clips))
    else:
        listed = list_entries(data, data.validation_split)
    return _read(choose(listed, clips), recipe, data.validation_split, 0.0, console)


def _read(
    entries: Iterable[Entry], recipe: Recipe, split: str, max_hours: float, console: Console
) -> Corpus:
    whole = f" of {len(entries)}" if isinstance(entries, list) else ""

    def progress(done: int) -> None:
        if done % 100 == 0:
            console(f"{split}: read {done}{whole} files")

    rate = recipe.model.sample_rate_hz
    corpus = load_corpus(entries, rate, progress, max_hours=max_hours)
    for reason in corpus.unreadable:
        console(f"left out: {reason}")
    minutes = corpus.total_samples / rate / 60
    left_out = f", {len(corpus.unreadable)} left out" if corpus.unreadable else ""
    console(f"{split}: {minutes:.1f} min in {len(corpus.entries)} files{left_out}")
    return corpus


def _say_band(corpus: Corpus, recipe: Recipe, console: Console) -> None:
    """Say how much of what is heard has high frequencies, and warn where it is the lesser part."""
    data, nyquist = recipe.data, recipe.model.sample_rate_hz / 2
    share = full_band_share(corpus, data)
    if share == 1 or data.full_band_hz > nyquist:
        return
    warning = "" if share >= 0.5 else "; the codec will learn to drop high frequencies"
    advice = "" if share >= 0.5 else ": set data.full_band_share to 0.5 or more"
    console(f"{share:.0%} of crops reach {data.full_band_hz:g} Hz{warning}{advice}")
