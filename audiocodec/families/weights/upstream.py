"""Layouts of other packages' checkpoints; LAYOUTS is the only table of them.

Every family has a module here with one `Layout` for each of its layouts. A layout recognises its
checkpoints by a fingerprint, and builds our network from them, weights filled in strictly.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from audiocodec.errors import UnknownModel, WeightsMismatch
from audiocodec.families.network import CodecNetwork

from . import dac, encodec, mimi, snac
from .checkpoint import Checkpoint
from .empty import empty_network as empty_network


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which a family's weights lie on disk.

    name: as in "EnCodec of transformers". fits: tells by a fingerprint whether a checkpoint is
    of this layout. build: returns the filled network; raises WeightsMismatch, ValueError for a
    configuration that makes no network, KeyError for one that lacks a key.
    """

    name: str
    fits: Callable[[Checkpoint], bool]
    build: Callable[[Checkpoint], CodecNetwork]


LAYOUTS: tuple[Layout, ...] = (
    Layout("EnCodec of transformers", encodec.is_transformers, encodec.build_transformers),
    Layout("EnCodec's release", encodec.is_release, encodec.build_release),
    Layout("DAC of transformers", dac.fits_transformers, dac.build_transformers),
    Layout("DAC's release", dac.fits_release, dac.build_release),
    Layout("SNAC", snac.fits, snac.build),
    Layout("Mimi of transformers", mimi.is_transformers, mimi.build_transformers),
    Layout("Mimi of moshi", mimi.is_moshi, mimi.build_moshi),
)


def build_upstream(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the network of a checkpoint in one of LAYOUTS.

    Raises UnknownModel for other layouts and unusable configurations, WeightsMismatch.
    """
    layout = next((layout for layout in LAYOUTS if layout.fits(checkpoint)), None)
    if layout is None:
        raise UnknownModel(
            f"{checkpoint.source}: {_describe(checkpoint.config)}; known are this package's own "
            f"folders and {', '.join(layout.name for layout in LAYOUTS) or 'nothing else'}"
        )
    try:
        return layout.build(checkpoint)
    except WeightsMismatch:
        raise
    except KeyError as error:
        raise UnknownModel(f"{checkpoint.source}: {layout.name}, but without {error}") from error
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise UnknownModel(f"{checkpoint.source}: {layout.name}, but {error}") from error


def _describe(config: Mapping[str, Any]) -> str:
    kind = config.get("model_type", config.get("family"))
    return f"a model of unknown type {json.dumps(kind)[:80]}" if kind else "no known layout"
