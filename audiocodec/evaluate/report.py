"""A finished run as JSON, CSV and Markdown."""

import csv
import io
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from audiocodec.atomic import atomic_output

from .clips import Clip
from .measures import MEASURES
from .plan import Failure
from .results import Result
from .summary import LevelUse, Mean, Row, summarise, usage

JSON, CLIPS_CSV, MEANS_CSV, MARKDOWN = "evaluation.json", "clips.csv", "means.csv", "evaluation.md"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is known after a run.

    command: that made it. seconds: of each clip, None for all of it. left_out: measures, with why.
    models: what weights were measured, one line each.
    """

    title: str
    command: str
    seconds: float | None
    models: tuple[str, ...]
    clips: list[Clip]
    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    left_out: dict[str, str]

    @property
    def rows(self) -> list[Row]:
        """Means, by group and point."""
        return summarise(self.clips, self.results)

    @property
    def usage(self) -> list[LevelUse]:
        """Use of codebooks, over clips that count."""
        counting = {clip.name for clip in self.clips if clip.counts}
        return usage(result for result in self.results if result.clip in counting)

    @property
    def warnings(self) -> list[str]:
        """A line for everything that went wrong or has to be known about a number."""
        lines = list(self.left_out.values())
        for failure in self.failures:
            lines.append(f"{failure.clip}, {failure.system or 'reference'}: {failure.message}")
        for result in self.results:
            if result.verdict not in ("ok", "identical"):
                measured = "" if result.measures else "; not measured"
                lines.append(
                    f"{result.clip}, {result.point}: {result.verdict}: {result.message}{measured}"
                )
        return lines


def write_report(report: Report, folder: Path) -> None:
    """Write evaluation.json, clips.csv, means.csv and evaluation.md. Raises AudioCodecError."""
    for name, text in (
        (JSON, json.dumps(as_table(report), indent=1, allow_nan=False) + "\n"),
        (CLIPS_CSV, clips_csv(report)),
        (MEANS_CSV, means_csv(report.rows)),
        (MARKDOWN, markdown(report)),
    ):
        with atomic_output(folder / name, overwrite=True) as file:
            file.write(text.encode())


def as_table(report: Report) -> dict[str, object]:
    """Return the whole report as nested dicts and lists, with None for what is no number."""
    table = {
        "title": report.title,
        "command": report.command,
        "seconds": report.seconds,
        "models": report.models,
        "left_out": report.left_out,
        "warnings": report.warnings,
        "measures": {
            name: {"title": m.title, "unit": m.unit, "better": m.better, "about": m.about}
            for name, m in MEASURES.items()
        },
        "means": [asdict(row) for row in report.rows],
        "usage": [asdict(level) for level in report.usage],
        "clips": [
            {key: value for key, value in asdict(result).items() if key not in ("usage", "key")}
            for result in report.results
        ],
    }
    return cast(dict[str, object], without_nan(table))


def without_nan(value: object) -> object:
    """Return nested dicts and lists with None for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def clips_csv(report: Report) -> str:
    """Return a line for each clip and point."""
    names = _measured(report.rows)
    head = "clip category system label kbps seconds payload_bytes file_bytes verdict message"
    rows: list[list[object]] = [[*head.split(), *names]]
    category = {clip.name: clip.category for clip in report.clips}
    for r in report.results:
        known = [r.kbps, f"{r.seconds:.3f}", r.payload_bytes, r.file_bytes, r.verdict, r.message]
        values = [r.measures.get(name) for name in names]
        rows.append([r.clip, category.get(r.clip, ""), r.system, r.label, *known, *values])
    return _csv(rows)


def means_csv(rows: list[Row]) -> str:
    """Return a line for each group, point and measure."""
    head = "group system label kbps payload_kbps file_kbps measure mean low high clips"
    lines: list[list[object]] = [[*head.split()]]
    for row in rows:
        rates = [row.kbps, row.payload_kbps, row.file_kbps]
        for name, mean in row.measures.items():
            if mean.clips:
                bounds = [mean.mean, mean.low, mean.high, mean.clips]
                lines.append([row.group, row.system, row.label, *rates, name, *bounds])
    return _csv(lines)


def markdown(report: Report) -> str:
    """Return tables of means, use of codebooks, and everything that has to be known."""
    rows = report.rows
    lines = [f"# {report.title}", ""]
    for group in dict.fromkeys(row.group for row in rows):
        some = [row for row in rows if row.group == group]
        names = _measured(some)
        titles = [_title(name) for name in names]
        lines += [
            f"## {group} ({_clips(max(row.clips for row in some))})",
            "",
            f"| codec | kbps | {' | '.join(titles)} |",
            "|---|--:|" + "--:|" * len(names),
            *(_line(row, names) for row in some),
            "",
        ]
    lines += _usage_lines(report.usage)
    length = "whole clips" if report.seconds is None else f"clips of up to {report.seconds:g} s"
    lines += [
        f"Means and 95 % bootstrap intervals over {length}, mono. kbps: bits really spent on codes "
        "or packets, without headers; (of n): only n clips have a value.",
        "",
        *(f"- {model}" for model in report.models),
        *(f"- {warning}" for warning in report.warnings),
        "",
        "Made by",
        "",
        "```sh",
        report.command,
        "```",
    ]
    return "\n".join(lines) + "\n"


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"


def _measured(rows: list[Row]) -> list[str]:
    found = {name for row in rows for name, mean in row.measures.items() if mean.clips}
    return [name for name in MEASURES if name in found]


def _title(name: str) -> str:
    measure = MEASURES[name]
    unit = f", {measure.unit}" if measure.unit in ("dB", "LU", "%") else ""
    return f"{measure.title}{unit} {'↑' if measure.better == 'higher' else '↓'}"


def _line(row: Row, names: list[str]) -> str:
    rate = row.payload_kbps if row.payload_kbps is not None else row.kbps
    cells = [_cell(name, row.measures.get(name), row.clips) for name in names]
    shown = "–" if rate is None else f"{rate:.2f}"
    return f"| {row.system} {row.label} | {shown} | {' | '.join(cells)} |"


def _cell(name: str, mean: Mean | None, clips: int) -> str:
    if mean is None or not mean.clips:
        return "–"
    digits = MEASURES[name].digits
    fewer = f" (of {mean.clips})" if mean.clips < clips else ""
    bounds = f" [{mean.low:.{digits}f}, {mean.high:.{digits}f}]" if mean.clips > 1 else ""
    return f"{mean.mean:.{digits}f}{bounds}{fewer}"


def _usage_lines(levels: list[LevelUse]) -> list[str]:
    if not levels:
        return []
    return [
        "## Use of codebooks",
        "",
        "| codec | level | entries | used | normalised entropy |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {use.system} | {use.level} | {use.size} | {100 * use.used:.0f} % "
            f"| {use.diversity:.3f} |"
            for use in levels
        ),
        "",
    ]


def _csv(rows: list[list[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
