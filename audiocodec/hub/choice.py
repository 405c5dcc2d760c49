"""Which files of a repository make a model: one of weights, and the small ones that describe it."""

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from audiocodec.errors import UnknownModel

CONFIG, WEIGHTS = "config.json", "model.safetensors"
DESCRIPTIONS = (CONFIG, "preprocessor_config.json")
TABLES = "entropy.safetensors"
"""How likely each code is: no weights, but what entropy coding with them needs."""
_PICKLES = (".bin", ".th", ".pth", ".pt", ".ckpt")
# Repositories of language models that speak hold their codec beside them, under such a name.
_CODEC_BESIDE_A_LANGUAGE_MODEL = "tokenizer-*-checkpoint*.safetensors"


@dataclass(frozen=True, slots=True)
class Choice:
    """Files to fetch, the configuration first.

    weights: the file of tensors. tables: that of entropy coding; "" where there is none.
    """

    descriptions: tuple[str, ...]
    weights: str
    tables: str = ""


def is_pickle(name: str) -> bool:
    """Tell whether a file of weights is, by its suffix, a pickle, which can hold code."""
    return PurePosixPath(name).suffix.lower() in _PICKLES


def choose(name: str, listing: Collection[str], preferred: str = "") -> Choice:
    """Return the files of a repository that make a model, never the same tensors twice.

    listing: all files of the repository. preferred: weights to take if they are there.
    Safetensors win over pickles. Raises UnknownModel where there is no one file of weights.
    """
    top = sorted(file for file in listing if "/" not in file)
    weights = preferred if preferred in top else _weights(name, top)
    if fnmatchcase(weights, _CODEC_BESIDE_A_LANGUAGE_MODEL):
        return Choice((), weights)  # whose configuration is the language model's
    if CONFIG not in top:
        raise UnknownModel(f"{name}: no model: {CONFIG} is missing beside {weights}")
    tables = TABLES if TABLES in top else ""
    return Choice(tuple(file for file in DESCRIPTIONS if file in top), weights, tables)


def _weights(name: str, top: list[str]) -> str:
    if f"{WEIGHTS}.index.json" in top:
        raise UnknownModel(f"{name}: its weights are in several parts, as no codec's are")
    safe = [file for file in top if file.endswith(".safetensors") and file != TABLES]
    beside = [file for file in safe if fnmatchcase(file, _CODEC_BESIDE_A_LANGUAGE_MODEL)]
    pickles = [file for file in top if is_pickle(file)]
    for usual, candidates in ((WEIGHTS, beside or safe), ("pytorch_model.bin", pickles)):
        if len(candidates) == 1:
            return candidates[0]
        if usual in candidates:
            return usual
        if candidates:
            found = ", ".join(candidates[:4])
            raise UnknownModel(f"{name}: which of its weights are a codec's? {found}; expected one")
    raise UnknownModel(f"{name}: holds no weights; expected {WEIGHTS} beside {CONFIG}")
