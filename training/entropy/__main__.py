"""`python -m audiocodec.training.entropy`: learn entropy coding for a model's codes."""

import argparse
import sys
import time
from pathlib import Path

import torch
from safetensors.numpy import save

from audiocodec.atomic import atomic_output, refuse_existing
from audiocodec.codec import Codec
from audiocodec.entropy_tables import FILE, read_tables
from audiocodec.errors import AudioCodecError
from audiocodec.load import load

from .corpus import Codes, encode_corpus
from .fit import Shape
from .levels import context_arrays, static_arrays
from .measure import describe, measure

EPILOG = """example:
  python -m audiocodec.training.entropy --model runs/one/export --corpus ~/corpus

The corpus is a folder of sound files; what is in its folder "dev" is measured and not learned
from. The result belongs beside the model's weights: codes that were written with it are read
with it, and with no other."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m audiocodec.training.entropy",
        description="Learn how likely each code of a model is, for entropy coding.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of a model")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of sound files")
    parser.add_argument("--out", type=Path, help=f"file to write; MODEL/{FILE} by default")
    parser.add_argument("--minutes", type=float, default=120, help="sound to encode: %(default)s")
    parser.add_argument(
        "--seconds", type=float, default=15, help="CPU time for a level: %(default)s"
    )
    parser.add_argument(
        "--kind", choices=("context", "static"), default="context", help="%(default)s by default"
    )
    parser.add_argument("--codes", type=Path, help="keep the encoded corpus here, and use it")
    parser.add_argument("-f", "--force", action="store_true", help="replace the output")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _codes(codec: Codec, options: argparse.Namespace) -> Codes:
    if options.codes and options.codes.exists():
        kept = torch.load(options.codes, weights_only=True)
        return Codes(kept["learned"], kept["measured"])
    codes = encode_corpus(codec, options.corpus, minutes=options.minutes, say=_say)
    if options.codes:
        torch.save({"learned": codes.learned, "measured": codes.measured}, options.codes)
    return codes


def learn(options: argparse.Namespace) -> Path:
    """Encode, train, write and measure; return the file."""
    out: Path = options.out or options.model / FILE
    refuse_existing(out, overwrite=options.force)  # before work that would be in vain
    started = time.monotonic()
    codec = load(options.model)
    codes = _codes(codec, options)
    _say(f"encoded after {time.monotonic() - started:.0f} s")
    facts = {"weights_sha256": codec.identity.weights_sha256 if codec.identity else ""}
    if options.kind == "static":
        arrays, more = static_arrays(codes.learned, codec.spec.codebook_sizes)
    else:
        arrays, more = context_arrays(
            codec, codes.learned, Shape(), seconds=options.seconds, say=_say
        )
    with atomic_output(out, overwrite=options.force) as file:
        file.write(save(arrays, metadata={**facts, **more}))
    _say(f"learned after {time.monotonic() - started:.0f} s")
    print(describe(measure(read_tables(out).tables, codes, codec.spec)))
    return out


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        print(learn(options))
    except AudioCodecError as error:
        _say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
