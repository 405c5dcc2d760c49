"""What the commands that make .codes files of .codes files have in common."""

import sys
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from .console import say
from .exits import DAMAGED, OK
from .places import STANDARD, Job, Kind
from .units import count, kbps, seconds, size

if TYPE_CHECKING:
    from audiocodec.edit import EditReport
    from audiocodec.entropy_tables import EntropyTables

CODES = Kind(frozenset({".codes"}), ".codes files", ".codes", rewrites=True)

Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse damaged files instead of keeping what is good.")
]

TablesOf = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="Whose entropy coding it is, if a chunk must be divided: a model's folder, or a Hub "
        "name that was pulled; by default found by the name in the file.",
    ),
]


def tables_of(model: str | None) -> "EntropyTables | None":
    """Return the tables of a model that was given; raises UnknownModel."""
    from audiocodec.entropy_tables import tables_of_model

    return None if model is None else tables_of_model(model)


def source_of(name: str) -> str | BinaryIO:
    """Return a path, or the stream that STANDARD means."""
    return sys.stdin.buffer if name == STANDARD else name


def target_of(job: Job) -> str | BinaryIO:
    """Return a path, or the stream that STANDARD means."""
    return sys.stdout.buffer if job.target == STANDARD else job.target


def describe(report: "EditReport") -> str:
    """Return what a new file holds, for people."""
    return (
        f"{seconds(report.duration_s)}, {count(report.levels, 'level')}, "
        f"{kbps(report.bitrate_bps)}, {size(report.bytes_written)}"
    )


def warn_of_damage(shown_source: str, report: "EditReport") -> int:
    """Say what was damaged, even when quiet; return the exit code."""
    if not report.gaps:
        return OK
    say(
        f"{shown_source} is damaged in {count(len(report.gaps), 'place')}, and so is the output: "
        f"{report.gaps[0].reason}"
    )
    return DAMAGED
