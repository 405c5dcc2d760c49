"""Means over clips, by group and point, with their intervals; how codebooks are used."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from .clips import Clip, group_order
from .measures import MEASURES
from .results import Result, unpack_counts
from .usage import diversity

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean over clips that have a value, and the bounds of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    clips: int


@dataclass(frozen=True, slots=True)
class Row:
    """A group of clips at a point; the rates are those of all bytes over all seconds."""

    group: str
    system: str
    label: str
    kbps: float | None
    payload_kbps: float | None
    file_kbps: float | None
    clips: int
    measures: dict[str, Mean]


@dataclass(frozen=True, slots=True)
class LevelUse:
    """Use of one level's codebook over a whole run.

    diversity: entropy over its largest possible value, 0 to 1. used: share of entries that came
    up at all. codes: how many were counted.
    """

    system: str
    level: int
    size: int
    diversity: float
    used: float
    codes: int


def summarise(clips: list[Clip], results: Iterable[Result]) -> list[Row]:
    """Return a row for each group and point, in the order of clips and results."""
    groups_of = {clip.name: clip.groups for clip in clips if clip.counts}
    cells: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        for group in groups_of.get(result.clip, ()):
            cells.setdefault((group, result.system, result.label), []).append(result)
    order = _distinct_groups(clips)
    rows = [_row(group, some) for (group, _, _), some in cells.items() if group in order]
    return sorted(rows, key=lambda row: order.index(row.group))


def _distinct_groups(clips: list[Clip]) -> list[str]:
    """Return the groups in their order, without parts that are the whole category."""
    counting = [clip for clip in clips if clip.counts]
    sizes = Counter(group for clip in counting for group in clip.groups)
    parts = {part: clip.category for clip in counting for part in clip.groups[1:]}
    kept = (group for group in sizes if sizes[group] != sizes.get(parts.get(group, "")))
    return sorted(kept, key=group_order)


def bootstrap(values: list[float]) -> Mean:
    """Return the mean of the finite values and its percentile bootstrap interval."""
    array = np.array([value for value in values if np.isfinite(value)])
    if not len(array):
        return Mean(float("nan"), float("nan"), float("nan"), 0)
    draws = np.random.default_rng(0).integers(len(array), size=(RESAMPLES, len(array)))
    low, high = np.percentile(array[draws].mean(axis=1), [2.5, 97.5])
    return Mean(float(array.mean()), float(low), float(high), len(array))


def usage(results: Iterable[Result]) -> list[LevelUse]:
    """Return how the codebooks of each model are used, level by level."""
    totals: dict[str, list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = {}
    for result in results:
        if not result.usage:
            continue
        counts = unpack_counts(result.usage)
        before = totals.get(result.system)
        totals[result.system] = (
            counts if before is None else [a + b for a, b in zip(before, counts, strict=True)]
        )
    return [
        LevelUse(
            system=system,
            level=level,
            size=len(counts),
            diversity=float(diversity(torch.from_numpy(counts).double())),
            used=float(np.mean(counts > 0)),
            codes=int(counts.sum()),
        )
        for system, levels in totals.items()
        for level, counts in enumerate(levels, start=1)
    ]


def _row(group: str, some: list[Result]) -> Row:
    seconds = sum(result.seconds for result in some)
    names = [name for name in MEASURES if any(name in result.measures for result in some)]
    first = some[0]
    return Row(
        group=group,
        system=first.system,
        label=first.label,
        kbps=first.kbps,
        payload_kbps=_kbps([result.payload_bytes for result in some], seconds),
        file_kbps=_kbps([result.file_bytes for result in some], seconds),
        clips=len(some),
        measures={
            name: bootstrap([result.measures.get(name, float("nan")) for result in some])
            for name in names
        },
    )


def _kbps(sizes: list[int | None], seconds: float) -> float | None:
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes) or seconds == 0:
        return None
    return 8 * sum(known) / seconds / 1000
