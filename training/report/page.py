"""The report page: sounds, quality, curves and the recipe of a run in one HTML file."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from audiocodec.atomic import atomic_output

from .chart import Curve, Mark, chart, number
from .history import Clip, History, read_history
from .note import parameters
from .sound import player, read_clip, spectrogram
from .titles import CODEBOOKS, LOSSES, MEASURES

NOTE_SHARES = (0.5, 0.8, 1.0)
"""Of the steps, at which the note lets one listen: 50k, 80k and 100k of 100k."""


def write_report(folder: Path, path: Path | None = None) -> Path:
    """Write the page of a run's folder, by default into it; return where.

    Raises AudioCodecError where there is no run.
    """
    path = path or folder / "report.html"
    page = build_page(read_history(folder))
    with atomic_output(path, overwrite=True) as file:
        file.write(page.encode())
    return path


def build_page(history: History) -> str:
    """Return the page of a run."""
    sections = {
        "Sound": _sounds(history),
        "Quality on held-out clips": _quality(history),
        "Losses": _cards(history, LOSSES),
        "Codebooks": _cards(history, CODEBOOKS, shares={"diversity", "usage", "dead"}),
        "Speed": _speed(history),
        "Recipe": _recipe(history),
        "Events": _events(history),
    }
    there = {title: body for title, body in sections.items() if body}
    links = "".join(f'<a href="#{_id(title)}">{title.split()[0]}</a>' for title in there)
    bodies = "".join(
        f'<section id="{_id(title)}"><h2>{title}</h2>{body}</section>'
        for title, body in there.items()
    )
    held = files(__package__)
    name = escape(str(history.recipe.get("name") or history.folder.name))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}: a training run</title>"
        f'<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<style>{held.joinpath('page.css').read_text(encoding='utf-8')}</style>"
        f"<header><div class=wide><nav>{links}"
        f'<button id=theme aria-label="Dark or light">◐</button></nav>'
        f"<h1>{name}</h1><div class=facts>{_facts(history)}</div></div></header>"
        f"<main class=wide>{bodies}</main><div id=tip hidden></div>"
        f"<script>{held.joinpath('page.js').read_text(encoding='utf-8')}</script></html>\n"
    )


def _id(title: str) -> str:
    return title.split()[0].lower()


def _facts(history: History) -> str:
    recipe, facts = history.recipe, []
    whole = recipe["phases"][-1]["until"] if recipe else 0
    facts.append(("steps", f"{history.steps:,}" + (f" of {whole:,}" if whole else "")))
    if recipe:
        model, data = recipe["model"], recipe["data"]
        hop = model["patch_samples"]
        for stride in model["strides"]:
            hop *= stride
        rate = model["sample_rate_hz"] / hop
        bits = (model["codebook_size"] - 1).bit_length()
        kbps = rate * model["levels"] * bits / 1000
        heard = history.steps * data["batch_size"] * data["segment_s"] / 3600
        facts += [
            ("frames a second", number(rate)),
            ("kbps at all levels", number(kbps)),
            ("hours of sound heard", number(float(f"{heard:.3g}"))),
        ]
    if history.validations:
        last = history.validations[-1]["validation"]
        best = last[max(last, key=int)]
        heard_by = {"pesq_wb": "PESQ-WB", "stoi": "STOI", "visqol": "ViSQOL"}
        facts += [
            (name, f"{best[key]:.2f}")
            for key, name in heard_by.items()
            if best.get(key) is not None
        ]
    return "".join(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in facts)


def _marks(history: History) -> list[Mark]:
    """Return where phases begin, but for the first one."""
    phases = history.recipe.get("phases", [])
    marks = []
    for before, phase in zip(phases, phases[1:], strict=False):
        loud = phase["adversarial"] or phase["feature"]
        was_loud = before["adversarial"] or before["feature"]
        if loud and not was_loud:
            marks.append(Mark(before["until"], "adversarial"))
        elif phase["quantize"] and not before["quantize"]:
            marks.append(Mark(before["until"], "quantized"))
        else:
            marks.append(Mark(before["until"], ""))
    return [mark for mark in marks if mark.step < history.steps]


def _card(title: str, svg: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>"


def _cards(history: History, titles: Mapping[str, str], shares: Iterable[str] = ()) -> str:
    """Return a chart of everything that the reports have of these, by level where it has levels."""
    have = set(history.names())
    cards = []
    for name, title in titles.items():
        if name in have:
            between = (0.0, 1.0) if name in shares else None
            svg = chart(
                _curves(history.reports, name),
                steps=history.steps,
                marks=_marks(history),
                between=between,
            )
            cards.append(_card(title, svg))
    return f"<div class=cards>{''.join(cards)}</div>" if cards else ""


def _curves(rows: Sequence[Mapping[str, Any]], name: str) -> list[Curve]:
    rows = [row for row in rows if row.get(name) is not None]
    steps = [row["step"] for row in rows]
    if rows and isinstance(rows[0][name], list):
        return [
            Curve(f"level {i + 1}", steps, [row[name][i] for row in rows])
            for i in range(len(rows[0][name]))
        ]
    return [Curve("", steps, [row[name] for row in rows])]


def _quality(history: History) -> str:
    if not history.validations:
        return ""
    cards = []
    for measure, title in MEASURES.items():
        curves = _validation_curves(history, measure)
        if curves:
            svg = chart(curves, steps=history.steps, marks=_marks(history))
            cards.append(_card(title, svg))
    return f"<div class=cards>{''.join(cards)}</div>{_table_of_quality(history)}"


def _validation_curves(history: History, measure: str) -> list[Curve]:
    curves = []
    levels = {key for row in history.validations for key in row["validation"]}
    for key in sorted(levels, key=int):
        points = [
            (row["step"], row["validation"][key][measure])
            for row in history.validations
            if row["validation"].get(key, {}).get(measure) is not None
        ]
        if points:
            name = f"{key} levels" if key != "0" else "no quantizer"
            curves.append(Curve(name, [step for step, _ in points], [x for _, x in points]))
    return curves


def _table_of_quality(history: History) -> str:
    """Return the last validation, by number of levels."""
    last = history.validations[-1]
    names = [n for n in MEASURES if any(n in row for row in last["validation"].values())]
    head = "".join(f"<th>{MEASURES[name].partition(' (')[0]}</th>" for name in names)
    body = ""
    for levels, row in last["validation"].items():
        values = (row.get(name) for name in names)
        cells = "".join(f"<td>{'–' if v is None else f'{v:.3f}'}</td>" for v in values)
        body += f"<tr><td>{levels}</td>{cells}</tr>"
    return (
        f"<table><caption>At step {last['step']:,}</caption>"
        f"<thead><tr><th>levels</th>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _sounds(history: History) -> str:
    if not any(clip.made for clip in history.clips):
        return ""
    lead = (
        "<p class=lead>Held-out clips, real and as the codec gives them back at all levels, "
        "after a half, four fifths and all of the steps.</p>"
    )
    return lead + "".join(_clip(clip) for clip in history.clips)


def _clip(clip: Clip) -> str:
    steps = sorted(clip.made)
    wanted = {min(steps, key=lambda step: abs(step - share * steps[-1])) for share in NOTE_SHARES}
    chosen = [("real", clip.real)] + [
        (f"step {step:,}", clip.made[step]) for step in sorted(wanted)
    ]
    cells = []
    for label, path in chosen:
        wav, rate = read_clip(path)
        full = f"clip {clip.number + 1}, {label}"
        cells.append(
            f"<figure><figcaption>{label}</figcaption>{spectrogram(wav, full)}"
            f"{player(wav, rate, full)}</figure>"
        )
    return f"<h3>Clip {clip.number + 1}</h3><div class=clips>{''.join(cells)}</div>"


def _speed(history: History) -> str:
    cards = []
    if history.reports:
        pace = chart(
            _curves(history.reports, "steps_per_s"), steps=history.steps, marks=_marks(history)
        )
        cards.append(_card("Steps a second", pace))
        rates = [
            Curve(name, *_pairs(history.reports, key))
            for key, name in (("generator_lr", "generator"), ("discriminator_lr", "discriminators"))
        ]
        cards.append(_card("Learning rates", chart(rates, steps=history.steps)))
    bars = _time_bars(history)
    return f"<div class=cards>{''.join(cards)}</div>{bars}" if cards else ""


def _pairs(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    there = [row for row in rows if row.get(name) is not None]
    return [row["step"] for row in there], [row[name] for row in there]


def _time_bars(history: History) -> str:
    """Return where the time went in the last session that said so."""
    if not history.sessions:
        return ""
    last = history.sessions[-1]
    shares = {part: share for part, share in last["time"].items() if share > 0.001}
    bar = "".join(
        f'<i style="flex:{share};background:var(--c{i % 8})" title="{part} {share:.1%}"></i>'
        for i, (part, share) in enumerate(shares.items())
    )
    names = "".join(
        f'<span><i style="background:var(--c{i % 8})"></i>{part} {share:.0%}</span>'
        for i, (part, share) in enumerate(shares.items())
    )
    pace = f"{last['steps_per_s']:.3g} steps and {last['audio_s_per_s']:.3g} s of sound a second"
    return (
        f"<figure class=time><figcaption>Where the time goes: {pace}, last session</figcaption>"
        f"<div class=bar>{bar}</div><div class=legend>{names}</div></figure>"
    )


def _recipe(history: History) -> str:
    rows = parameters(history.recipe)
    if not rows:
        return ""
    body = "".join(
        f"<tr{' class=changed' if row.changed else ''}><td><code>{escape(row.name)}</code></td>"
        f"<td>{row.note}</td><td>{row.run}</td><td>{row.meaning}</td></tr>"
        for row in rows
    )
    return (
        "<p class=lead>The reference note's numbers beside this run's; what differs is marked.</p>"
        "<table class=recipe><thead><tr><th></th><th>note</th><th>this run</th><th></th></tr>"
        f"</thead><tbody>{body}</tbody></table>"
    )


def _events(history: History) -> str:
    if not history.notes:
        return ""
    return "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in history.notes[-40:]) + "</ul>"
