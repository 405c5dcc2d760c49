"""`codec info`: what a .codes file or a model is."""

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from audiocodec.errors import AudioCodecError

from . import options
from .console import Console, printable
from .model import ModelChoice
from .places import STANDARD

if TYPE_CHECKING:
    from .about_file import FileFacts
    from .about_model import ModelFacts


def info(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE.codes|MODEL",
            help="A .codes file, - for one on standard input, or a model: a folder or a Hub name. "
            "Without it, the embedded model.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for programs: all facts, in plain units.")
    ] = False,
    revision: options.Revision = None,
    cache_dir: options.CacheDir = None,
    local_files_only: options.LocalFilesOnly = False,
    allow_pickle: options.AllowPickle = False,
) -> None:
    """Show what a .codes file or a model is.

    \b
    Examples:
      codec info out.codes
      codec info out.codes --json
      codec info              the embedded model
      codec info user/model
    """
    facts: FileFacts | ModelFacts
    if what is not None and _is_file(what):
        facts = _about_file(what)
    else:
        from .about_model import about_model

        choice = ModelChoice(
            model=what,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            allow_pickle=allow_pickle,
        )
        facts = about_model(choice, Console(quiet=False))
    if as_json:
        print(json.dumps(facts.as_json(), indent=2))
    else:
        print(*map(printable, facts.lines()), sep="\n")


def _is_file(what: str) -> bool:
    there = os.path.exists(what) and not os.path.isdir(what)
    return what == STANDARD or there or what.lower().endswith(".codes")


def _about_file(name: str) -> "FileFacts":
    from .about_file import about_file

    if name == STANDARD:
        return about_file("standard input", sys.stdin.buffer)
    try:
        with open(name, "rb") as file:
            return about_file(name, file)
    except OSError as error:
        raise AudioCodecError(f"cannot read {name}: {error.strerror}; check the path") from error
