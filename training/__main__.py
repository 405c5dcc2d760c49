"""`python -m audiocodec.training RECIPE [key=value ...]`, installed as `codec-train`."""

import argparse
import signal
import sys
from pathlib import Path

from audiocodec.errors import AudioCodecError

from .config import Recipe, read_recipe, recipe_names
from .export import FOLDERS, export_checkpoint
from .group import is_first
from .report.page import write_report
from .trainer import train

EPILOG = """examples:
  codec-train soundstream_24khz data.root=~/LibriTTS
  codec-train light_24khz data.root=corpus data.manifest=manifest.csv run.max_minutes=60
  codec-train my_recipe.toml run.folder=runs/two run.seed=2 phases.0.until=20000
  codec-train light_24khz --export best
  codec-train report runs/two             # curves, sounds and tables as one page
  torchrun --nproc-per-node 8 -m audiocodec.training soundstream_24khz data.root=~/LibriTTS

A run goes on from run.folder/last.pt, and leaves its model in run.folder/export, which
audiocodec.load and `codec --model` read. Ctrl-C ends it after the step with a checkpoint;
a second one ends it at once."""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="codec-train",
        description="Train a SoundStream codec by a recipe.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join(recipe_names())
    parser.add_argument("recipe", help=f"a .toml file, or one of {names}")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="replace numbers of the recipe: data.batch_size=16, phases.1.feature=0.01",
    )
    parser.add_argument(
        "--export",
        choices=FOLDERS,
        help="do not train: write the model of a checkpoint of run.folder "
        f"(to {' or '.join(FOLDERS.values())} in it)",
    )
    return parser


def _report_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="codec-train report",
        description="Write a run's curves, tables and clips as one page that needs no network.",
    )
    parser.add_argument("run", type=Path, help="the run's folder, with its log.jsonl")
    parser.add_argument(
        "-o", "--output", type=Path, help="where to write the page (default: report.html in it)"
    )
    return parser


def _train(recipe: Recipe) -> Path | None:
    outcome = train(recipe, console=_say)
    if is_first():
        _say(f"{'finished' if outcome.finished else 'stopped'} after step {outcome.step}")
    return outcome.folder if outcome.step else None


def main(arguments: list[str] | None = None) -> int:
    """Run a recipe and print where the export lies; return the exit code.

    Or write a run's report, and print where that lies.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    reporting = arguments[:1] == ["report"]
    parser = _report_parser() if reporting else _parser()
    options = parser.parse_intermixed_args(arguments[1:] if reporting else arguments)
    try:
        if reporting:
            print(write_report(options.run, options.output))
            return 0
        recipe = read_recipe(options.recipe, options.overrides)
        folder = export_checkpoint(recipe, options.export) if options.export else _train(recipe)
    except AudioCodecError as error:
        _say(f"codec-train: {error}")
        return 1
    except KeyboardInterrupt:
        _say("codec-train: stopped at once; run.folder has the last checkpoint")
        return 128 + signal.SIGINT
    if folder and is_first():
        print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
