"""`codec models`: known models of the Hub, and what is in the cache."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options
from .console import printable
from .units import size

if TYPE_CHECKING:
    from audiocodec.hub import CachedModel, KnownModel


def models(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for programs: all facts, in plain units.")
    ] = False,
    cache_dir: options.CacheDir = None,
) -> None:
    """Show known models of the Hub: rates, size, licence, and which are in the cache.

    Any other name on the Hub works too, where its layout is one of these families'. The embedded
    model needs no name and no network. Nothing is fetched.

    \b
    Examples:
      codec models
      codec models --json
      codec models --cache-dir DIR
      codec pull kyutai/mimi
    """
    from audiocodec.hub import cached_models, known_models

    known, cached = known_models(), cached_models(cache_dir)
    if as_json:
        print(json.dumps(_as_json(known, cached), indent=2))
        return
    here = {model.name.lower() for model in cached}
    titles = ("model", "sound", "frames/s", "kbps", "size", "licence of weights", "cached")
    rows = [_row(model, model.name.lower() in here) for model in known]
    print(*_columns([titles, *rows]), sep="\n")
    names = {model.name.lower() for model in known}
    others = [model for model in cached if model.name.lower() not in names]
    if others:
        print("\nothers in the cache:")
        print(*(printable(_line(model)) for model in others), sep="\n")
    print("\nto be shown with their weights, or to know before:")
    print(*(_remark(model) for model in known if model.attribution or model.note), sep="\n")


def _row(model: "KnownModel", here: bool) -> tuple[str, ...]:
    return (
        model.name,
        f"{model.rate_hz / 1000:g} kHz{' stereo' if model.channels == 2 else ''}",
        "/".join(f"{rate:.4g}" for rate in model.frame_rates_hz),
        ", ".join(f"{rate:g}" for rate in model.bitrates_kbps),
        f"{model.size_mb} MB",
        model.weights_licence.partition(" (")[0],
        "yes" if here else "",
    )


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return [line.rstrip() for line in padded]


def _line(model: "CachedModel") -> str:
    return f"  {model.name}@{model.revision[:12]}  {size(model.weights_bytes)}"


def _remark(model: "KnownModel") -> str:
    texts = (model.attribution, model.note)
    return f"  {model.name}: {'; '.join(text for text in texts if text)}"


def _as_json(
    known: "tuple[KnownModel, ...]", cached: "list[CachedModel]"
) -> dict[str, list[dict[str, Any]]]:
    places = [{**asdict(model), "folder": str(model.folder)} for model in cached]
    here = {model.name.lower() for model in cached}
    return {
        "known": [{**asdict(model), "cached": model.name.lower() in here} for model in known],
        "cached": places,
    }
