"""`codec verify`: whether .codes files are whole."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiocodec.errors import AudioCodecError

from .console import Console, printable, say
from .exits import ERROR
from .places import STANDARD, find
from .rewrite import CODES, source_of
from .units import count, seconds

if TYPE_CHECKING:
    from audiocodec.edit import Problem, Verification

_PROBLEMS_SHOWN = 20


def verify(
    words: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help=".codes files, folders, or - for standard input."),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each file, for programs.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print only files that are not whole.")
    ] = False,
) -> None:
    """Check every chunk of .codes files: OK, or what is damaged and where.

    No model is needed. The exit code is 0 when all files are whole and 1 otherwise. Files without
    an end mark, live or cut off, are not whole, though all that they hold may be good.

    \b
    Examples:
      codec verify in.codes
      codec verify archive/ -q
      codec verify a.codes b.codes --json
      codec encode in.wav - | codec verify -
    """
    names = find(words, CODES)
    console = Console(quiet)
    bad = [name for name in names if not _verify(name, console, as_json=as_json)]
    if bad:
        if len(names) > 1:
            say(f"{len(bad)} of {len(names)} files are not whole")
        raise typer.Exit(ERROR)


def _verify(name: str, console: Console, *, as_json: bool) -> bool:
    """Check one file, print what was found, and return whether it is whole."""
    from audiocodec.edit import verify_file

    shown = "standard input" if name == STANDARD else name
    try:
        with console.status(shown):
            found = verify_file(source_of(name))
    except AudioCodecError as error:
        say(str(error))
        if as_json:
            print(json.dumps({"name": shown, "ok": False, "error": str(error)}))
        return False
    if as_json:
        print(json.dumps(_as_json(shown, found)))
    elif not (found.ok and console.quiet):
        print(*map(printable, _lines(shown, found)), sep="\n")
    return found.ok


def _lines(name: str, found: "Verification") -> list[str]:
    problems = found.problems
    if found.summary is None:
        return [f"{name}: NOT READABLE: {problems[0].reason}"]
    if found.ok:
        held = found.summary
        levels, chunks = count(held.levels, "level"), count(held.chunks, "chunk")
        return [f"{name}: OK, {seconds(held.duration_s)}, {levels}, {chunks}"]
    if not found.summary.gaps and not found.summary.has_trailer:
        return [f"{name}: INCOMPLETE after {problems[0].start_s:.2f} s: {problems[0].reason}"]
    lost_s = sum(problem.end_s - problem.start_s for problem in problems)
    lost = f", {seconds(lost_s)} lost" if lost_s else ""
    more = len(problems) - _PROBLEMS_SHOWN
    return [
        f"{name}: DAMAGED in {count(len(problems), 'place')}{lost}",
        *(f"  {_where(problem)}: {problem.reason}" for problem in problems[:_PROBLEMS_SHOWN]),
        *([f"  and {count(more, 'more place')}"] if more > 0 else []),
    ]


def _where(problem: "Problem") -> str:
    if problem.start_s == problem.end_s:
        return f"at {problem.start_s:.2f} s"
    return f"{problem.start_s:.2f} to {problem.end_s:.2f} s"


def _as_json(name: str, found: "Verification") -> dict[str, Any]:
    facts: dict[str, Any] = {"name": name, "ok": found.ok}
    if found.summary is not None:
        held = found.summary
        facts |= {
            "duration_s": held.duration_s,
            "levels": held.levels,
            "frames": held.frames,
            "chunks": held.chunks,
            "file_bytes": held.file_bytes,
            "has_trailer": held.has_trailer,
        }
    problems = [
        {"start_s": problem.start_s, "end_s": problem.end_s, "reason": problem.reason}
        for problem in found.problems
    ]
    return facts | {"problems": problems}
