"""The command `codec`: its subcommands, and what is common to all of them."""

import os
import sys
import warnings
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from .cat import cat
from .convert import convert
from .cut import cut
from .decode import decode
from .encode import encode
from .eval import eval_
from .exits import exit_codes, unwind_when_terminated
from .export import export
from .info import info
from .listening_test import listening_test
from .models import models
from .plot import plot, spectrogram
from .pull import pull
from .push import push
from .truncate import truncate
from .verify import verify

_EXAMPLES = """\b
Examples:
  codec encode in.wav               writes in.codes
  codec encode in.wav out.codes -n 4
  codec decode in.codes back.wav
  codec info in.codes
  codec truncate in.codes low.codes -n 2
  codec cut in.codes part.codes --from 10 --to 20

`codec COMMAND --help` shows the options and more examples. Exit codes: 0 all well, 1 an error, one
line on standard error, 2 wrong usage, 3 done, but what was read is damaged.
"""


class _Commands(TyperGroup):
    """Ends every subcommand the same way."""

    def invoke(self, ctx: Any) -> Any:
        with exit_codes():
            return super().invoke(ctx)


class _FromTo(TyperCommand):
    """Shows its arguments as IN... [OUT], which are one list to the parser."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS]", "IN... [OUT]"]


class _OneFromTo(TyperCommand):
    """Shows its two arguments as IN OUT."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS]", "IN OUT"]


class _ModelsThenFolder(TyperCommand):
    """Shows its arguments as [MODEL]... DIR, which are one list to the parser."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS]", "[MODEL]... DIR"]


app = typer.Typer(
    cls=_Commands,
    # Plain help is quicker by a third of a second than one with frames, and errors are one line.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from audiocodec import __version__

        print(f"codec {__version__}")
        raise typer.Exit


@app.callback(epilog=_EXAMPLES)
def _codec(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """A neural audio codec: sound to a few kilobits a second, and back."""


app.command(cls=_FromTo, no_args_is_help=True)(encode)
app.command(cls=_FromTo, no_args_is_help=True)(decode)
app.command()(info)
app.command(cls=_FromTo, no_args_is_help=True)(truncate)
app.command(cls=_OneFromTo, no_args_is_help=True)(cut)
app.command(cls=_FromTo, no_args_is_help=True)(cat)
app.command(no_args_is_help=True)(verify)
app.command("eval", cls=_ModelsThenFolder, no_args_is_help=True)(eval_)
app.command("listening-test", cls=_ModelsThenFolder, no_args_is_help=True)(listening_test)
app.command(no_args_is_help=True)(plot)
app.command(no_args_is_help=True)(spectrogram)
app.command()(models)
app.command(no_args_is_help=True)(pull)
app.command(no_args_is_help=True)(push)
app.command(no_args_is_help=True)(export)
app.add_typer(convert)


def main() -> None:
    """Run the command line; the entry point of the script `codec`."""
    if not sys.warnoptions:  # python -W still shows them
        warnings.simplefilter("ignore")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    _mend_standard_streams()
    unwind_when_terminated()
    app(prog_name="codec")


def _mend_standard_streams() -> None:
    """Make writing safe where a shell closed a stream, or where a name cannot be encoded."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # as after >&-
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - stays open
            setattr(sys, name, stream)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
