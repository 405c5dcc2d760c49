"""`python -m audiocodec.training RECIPE [key=value ...]`."""

import argparse
import sys

from audiocodec.errors import AudioCodecError

from .config import read_recipe
from .trainer import train

EXAMPLES = """examples:
  codec-train soundstream_24khz data.root=~/LibriTTS
  codec-train light_24khz data.root=corpus data.manifest=manifest.csv run.max_minutes=60
  codec-train my_recipe.toml run.folder=runs/two run.seed=2

A run continues from the last checkpoint in run.folder. Export: run.folder/export."""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run a recipe; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="codec-train",
        description="Train a SoundStream codec by a recipe.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="name of a recipe of the package, or a .toml file")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="replace its numbers")
    options = parser.parse_args(arguments)
    try:
        outcome = train(read_recipe(options.recipe, options.overrides), console=_say)
    except AudioCodecError as error:
        _say(f"codec-train: {error}")
        return 1
    _say(f"{'finished' if outcome.finished else 'stopped'} after step {outcome.step}")
    print(outcome.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
