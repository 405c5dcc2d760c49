"""`codec eval`: measure models and other codecs on a folder of sound."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options
from .console import Console, printable, say
from .evaluating import (
    Against,
    Align,
    Bitrates,
    EvalOptions,
    Jobs,
    LevelList,
    Limit,
    Manifest,
    Peers,
    Seconds,
    Split,
    Task,
    evaluate,
)
from .exits import ERROR

if TYPE_CHECKING:
    from audiocodec.evaluate.report import Report


def eval_(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL]... DIR",
            help="Models (folders or Hub names; the embedded one by default), then a folder of "
            "sound files, whose manifest.csv is used where it has one.",
        ),
    ],
    bitrates: Bitrates = None,
    levels: LevelList = None,
    against: Against = None,
    peer: Peers = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Where everything goes.")
    ] = Path("evaluation"),
    page: Annotated[
        bool, typer.Option("--page", help="Make the page as well: FOLDER/index.html.")
    ] = False,
    players: Annotated[
        int,
        typer.Option(
            "--players", min=0, metavar="N", help="Clips of every category to listen to on it."
        ),
    ] = 2,
    listen: Annotated[
        Path | None,
        typer.Option(
            "--listen",
            metavar="DIR",
            help="Listen to the clips of this folder instead; they do not go into the means.",
        ),
    ] = None,
    measures: Annotated[
        str | None,
        typer.Option(
            "--measures", metavar="A,B", help="Only these, such as pesq_wb,stoi,mel_distance."
        ),
    ] = None,
    every_measure: Annotated[
        bool,
        typer.Option(
            "--every-measure",
            help="Make all measures on all clips: also those for speech on what the manifest "
            "calls music.",
        ),
    ] = False,
    stability: Annotated[
        int,
        typer.Option(
            "--stability",
            min=0,
            metavar="N",
            help="Clips of every category whose codes are tried for stability; it is slow.",
        ),
    ] = 1,
    align: Align = False,
    split: Split = None,
    manifest: Manifest = None,
    limit: Limit = None,
    seconds: Seconds = None,
    jobs: Jobs = None,
    title: Annotated[str | None, typer.Option("--title", help="Title of the report.")] = None,
    command: Annotated[
        str | None,
        typer.Option("--command", metavar="TEXT", help="Show this as the command that made it."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what FOLDER holds of an earlier run.")
    ] = False,
    device: options.Device = "cpu",
    quiet: options.Quiet = False,
) -> None:
    """Measure models and other codecs on a folder of sound.

    Results go to FOLDER as JSON, CSV and Markdown, the means also to standard output. A run that
    was interrupted goes on when it is started again. Measures whose packages are not installed
    are named and left out; pip install 'audiocodec[eval]' has them all.

    \b
    Examples:
      codec eval sounds/
      codec eval sounds/ --bitrates 1,2,4 --against opus:6,12 --out evaluation --page
      codec eval mymodel/ user/model sounds/ --split dev --limit 10 --seconds 8 --jobs 4
      codec eval sounds/ --against soundfile-dir:copies/ --measures pesq_wb,stoi
      codec eval sounds/ --peer "lame=./lame.sh {in} {out} {kbps}" --bitrates 8,16
    """
    task = Task(
        words=words,
        bitrates=bitrates,
        levels=levels,
        against=against or [],
        peers=peer or [],
        split=split,
        manifest=manifest,
        limit=limit,
        device=device,
    )
    chosen = EvalOptions(
        out=out,
        players=players if page else 0,
        listen=listen if page else None,
        measures=measures,
        every_measure=every_measure,
        stability=stability,
        align=align,
        seconds=seconds,
        jobs=jobs,
        fresh=fresh,
        title=title,
        command=command or shlex.join(["codec", *sys.argv[1:]]),
    )
    console = Console(quiet)
    report = evaluate(task, chosen, console)
    _finish(report, out, page, console)


def _finish(report: "Report", out: Path, page: bool, console: Console) -> None:
    from audiocodec.evaluate.page import write_page
    from audiocodec.evaluate.report import MARKDOWN, markdown, write_report

    write_report(report, out)
    if not console.quiet:
        print(printable_lines(markdown(report)), end="")
    place = write_page(report, out) if page else None
    for warning in report.warnings:
        say(warning)
    console.result(f"wrote {out / MARKDOWN}" + (f" and {place}" if place else ""))
    if report.failures:
        raise typer.Exit(ERROR)


def printable_lines(text: str) -> str:
    """Return text whose lines cannot steer a terminal, whatever files are called."""
    return "".join(printable(line) + "\n" for line in text.splitlines())
