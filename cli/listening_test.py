"""`codec listening-test`: a page for tests with listeners."""

from pathlib import Path
from typing import Annotated

import typer

from . import options
from .console import Console, say
from .evaluating import (
    Against,
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
from .options import WrongUsage


def listening_test(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL]... DIR",
            help="Models (folders or Hub names; the embedded one by default), then a folder of "
            "sound files.",
        ),
    ],
    bitrates: Bitrates = None,
    levels: LevelList = None,
    against: Against = None,
    peer: Peers = None,
    anchors: Annotated[
        str,
        typer.Option(
            "--anchors", metavar="HZ,...", help="Low-passed versions of the reference to hide."
        ),
    ] = "3500",
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Where the page goes.")
    ] = Path("listening-test"),
    split: Split = None,
    manifest: Manifest = None,
    limit: Limit = None,
    seconds: Seconds = 10.0,
    jobs: Jobs = None,
    title: Annotated[str, typer.Option("--title", help="Title of the test.")] = "Listening test",
    device: options.Device = "cpu",
    quiet: options.Quiet = False,
) -> None:
    """Make a page for a listening test with a hidden reference and anchors (MUSHRA).

    FOLDER/page opens from disk in any browser; each listener gets an order of chance, and saves
    the answers as a file, JSON or CSV. Keep FOLDER/audio to yourself: it has everything by name.

    \b
    Examples:
      codec listening-test sounds/ --bitrates 1,3,6
      codec listening-test sounds/ --bitrates 3 --against opus:6,12 --out test/
      codec listening-test mymodel/ user/model sounds/ --limit 3 --seconds 6
      codec listening-test sounds/ --levels 4 --anchors 3500,7000 --title "Spring test"
    """
    from audiocodec.evaluate.listening import (
        MOST_CONDITIONS,
        ListeningTest,
        write_listening_test,
    )

    if not anchors.strip():
        raise WrongUsage("a test needs an anchor: leave --anchors out, or name frequencies in Hz")
    task = Task(
        words=words,
        bitrates=bitrates,
        levels=levels,
        against=[*(against or []), f"lowpass:{anchors}"],
        peers=peer or [],
        split=split,
        manifest=manifest,
        limit=limit,
        device=device,
    )
    chosen = EvalOptions(
        out=out,
        players=1_000_000,
        listen=None,
        measures="",
        every_measure=False,
        stability=0,
        align=False,
        seconds=seconds,
        jobs=jobs,
        fresh=False,
        title=title,
        command="",
    )
    console = Console(quiet)
    report = evaluate(task, chosen, console)
    conditions = 1 + len({result.point for result in report.results})
    if conditions > MOST_CONDITIONS:
        say(f"{conditions} versions a sound are many: ITU-R BS.1534 advises {MOST_CONDITIONS}")
    for warning in report.warnings:
        say(warning)
    test = ListeningTest(title, report.clips, report.results)
    place = write_listening_test(test, out, out / "page")
    console.result(f"wrote {place}: {len(report.clips)} sounds, {conditions} versions each")
