"""Line charts as SVG: drawn here, coloured by the page, readable without any script."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 12, 24
COLOURS = 8
POINTS = 300
"""A curve has at most so many: means of neighbours where there are more."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over steps. name: in the legend; "" for the only one."""

    name: str
    steps: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A step at which something changes, and what begins there."""

    step: float
    name: str


def chart(
    curves: Sequence[Curve],
    *,
    steps: float,
    marks: Sequence[Mark] = (),
    between: tuple[float, float] | None = None,
) -> str:
    """Return curves as one SVG over 0 to `steps`, with a logarithmic axis where they span decades.

    between: the least span of the vertical axis, as 0 to 1 for shares.
    """
    drawn = [_thin(_finite(curve)) for curve in curves]
    values = [value for curve in drawn for value in curve.values]
    if not values:
        return "<p class=none>nothing yet</p>"
    axis = _axis(values, between)
    right = WIDTH - RIGHT

    def x(step: float) -> float:
        return LEFT + (right - LEFT) * step / max(steps, 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - axis.share(value))

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role=img tabindex=0>']
    for tick in axis.ticks:
        at = y(tick)
        parts.append(f'<path class=grid d="M{LEFT} {at:.1f}H{right}"/>')
        parts.append(f"<text x={LEFT - 7} y={at + 4:.1f} class=right>{number(tick)}</text>")
    for tick in _ticks(0, steps, 5):
        parts.append(f"<text x={x(tick):.1f} y={HEIGHT - 8} class=middle>{number(tick)}</text>")
    for mark in marks:
        parts.append(f'<path class=mark d="M{x(mark.step):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(
            f"<text class=markname x={x(mark.step) + 4:.1f} y={TOP + 9}>{escape(mark.name)}</text>"
        )
    for i, curve in enumerate(drawn):
        points = " ".join(
            f"{x(s):.1f},{y(v):.1f}" for s, v in zip(curve.steps, curve.values, strict=True)
        )
        colour = _colour(i, len(drawn))
        if len(curve.steps) == 1:
            cx, _, cy = points.partition(",")
            parts.append(f'<circle cx={cx} cy={cy} r=3 fill="{colour}"/>')
        parts.append(f'<polyline points="{points}" style="stroke:{colour}"/>')
    parts.append("<g class=cursor></g></svg>")
    data = {
        "plot": [LEFT, right, TOP, HEIGHT - BOTTOM],
        "steps": steps,
        "curves": [
            [c.name, [round(s, 1) for s in c.steps], [float(f"{v:.4g}") for v in c.values]]
            for c in drawn
        ],
    }
    parts.append(f'<script type="application/json">{json.dumps(data)}</script>')
    return "".join(parts) + _legend(curves)


def _legend(curves: Sequence[Curve]) -> str:
    if len(curves) < 2:
        return ""
    items = [
        f'<span><i style="background:{_colour(i, len(curves))}"></i>{escape(curve.name)}</span>'
        for i, curve in enumerate(curves)
        if len(curves) <= COLOURS or i in (0, len(curves) // 2, len(curves) - 1)
    ]
    return f"<div class=legend>{''.join(items)}</div>"


def _colour(i: int, count: int) -> str:
    """Return a colour of the page; of many curves, one on the way between two."""
    if count <= COLOURS:
        return f"var(--c{i})"
    return f"color-mix(in oklab, var(--c1) {100 * i / (count - 1):.0f}%, var(--c0))"


def _finite(curve: Curve) -> Curve:
    pairs = [
        (step, value)
        for step, value in zip(curve.steps, curve.values, strict=True)
        if value is not None and math.isfinite(value)
    ]
    return Curve(curve.name, [step for step, _ in pairs], [value for _, value in pairs])


def _thin(curve: Curve) -> Curve:
    """Return at most POINTS points: means of equal numbers of neighbours."""
    size = -(-len(curve.steps) // POINTS)
    if size < 2:
        return curve
    groups = [slice(i, i + size) for i in range(0, len(curve.steps), size)]
    means = [
        [sum(row[group]) / len(row[group]) for group in groups]
        for row in (curve.steps, curve.values)
    ]
    return Curve(curve.name, means[0], means[1])


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    log: bool
    ticks: list[float]

    def share(self, value: float) -> float:
        """Return how far up a value lies, 0 to 1."""
        if self.log:
            return (math.log10(max(value, self.low)) - math.log10(self.low)) / (
                math.log10(self.high) - math.log10(self.low)
            )
        return (value - self.low) / (self.high - self.low)


def _axis(values: Sequence[float], between: tuple[float, float] | None) -> _Axis:
    low, high = min(values), max(values)
    if between:
        low, high = min(low, between[0]), max(high, between[1])
    elif low > 0 and high / low > 30:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        if len(decades) == 2:
            decades = range(decades[0], decades[1] + 1)
        ticks = [10.0**power for power in decades]
        every = -(-len(ticks) // 6)
        return _Axis(ticks[0], ticks[-1], True, ticks[::every])
    if high == low:
        low, high = low - abs(low) / 2 - 0.5, high + abs(high) / 2 + 0.5
    ticks = _ticks(low, high, 5)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return _Axis(low, high, False, _ticks(low, high, 5))


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers within low and high, about so many."""
    raw = max(high - low, 1e-12) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def number(value: float) -> str:
    """Return a number as short as it can be read: 50k, 0.25, 1e-5."""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e6):
        mantissa, _, exponent = f"{value:.2g}".partition("e")
        return f"{mantissa}e{int(exponent)}" if exponent else mantissa
    if abs(value) >= 1000:
        return f"{value / 1000:.4g}k"
    return f"{value:.4g}"
