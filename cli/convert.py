"""`codec convert`: weights that others published, to a folder that every command takes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from audiocodec.errors import AudioCodecError, OutputExists

from . import options
from .console import Console
from .model import ModelChoice

_ANY = "model"


class _AnyOrNamed(TyperGroup):
    """Takes SRC DST for `model SRC DST`: the one kind of source that needs no name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = [_ANY, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["SRC DST | lyra-tflite DIR DST"]


class Precision(StrEnum):
    """How weights are stored."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


convert = typer.Typer(
    name="convert",
    cls=_AnyOrNamed,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Turn published weights of others into a model for every command.",
    epilog="""\b
Examples:
  codec convert facebook/encodec_24khz encodec
  codec convert snac/pytorch_model.bin snac_24khz --allow-pickle
  codec convert lyra-tflite lyra/model_coeffs lyra_v2
  codec encode in.wav --model lyra_v2
""",
)


@convert.callback()
def _convert() -> None:
    """Turn published weights of others into a model for every command."""


@convert.command(_ANY, no_args_is_help=True)
def any_model(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC", help="What --model takes: a Hub name, a folder, a file of weights."
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="DST", help="Folder for the model.")],
    precision: Annotated[
        Precision | None,
        typer.Option("--dtype", help="How to store weights; as is usual in the family by default."),
    ] = None,
    revision: options.Revision = None,
    cache_dir: options.CacheDir = None,
    local_files_only: options.LocalFilesOnly = False,
    allow_pickle: options.AllowPickle = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write any model as a folder of this package's own layout; `model` may be left out.

    \b
    Examples:
      codec convert facebook/encodec_24khz encodec
      codec convert user/model@v1.0 model --dtype float32
      codec convert encodec_24khz-d7cc33bc.th encodec --allow-pickle
    """
    _refuse_existing(target, force)
    choice = ModelChoice(
        model=source,
        revision=revision,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        allow_pickle=allow_pickle,
    )
    console = Console(quiet=quiet)
    codec = choice.load(console)
    import torch

    from audiocodec.folder import family_of

    dtype = getattr(torch, precision.value) if precision else None
    identity = codec.save(target, dtype=dtype)
    spec = codec.spec
    console.result(
        f"{target}: {family_of(codec.network)}, {spec.levels} levels at {spec.sample_rate_hz} Hz, "
        f"weights {identity.weights_sha256[:12]}"
    )


@convert.command("lyra-tflite", no_args_is_help=True)
def lyra_tflite(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="lyra/model_coeffs of google/lyra: three TFLite files."),
    ],
    target: Annotated[Path, typer.Argument(metavar="DST", help="Folder for the model.")],
    as_float: Annotated[
        bool,
        typer.Option(
            "--float",
            help="Compute everything in float, so that it can be trained. The codes are other ones "
            "than the original's.",
        ),
    ] = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Convert Lyra v2: 16 kHz speech, 50 frames a second, 46 levels of 0.2 kbps.

    \b
    Examples:
      codec convert lyra-tflite lyra/model_coeffs lyra_v2
      codec convert lyra-tflite lyra/model_coeffs lyra_v2_float --float
    """
    _refuse_existing(target, force)
    console = Console(quiet=quiet)
    with console.status("converting ..."):
        done = _convert_lyra(source, target, as_float=as_float)
    console.result(f"{target}: {done}")


def _refuse_existing(target: Path, force: bool) -> None:
    if (target / "config.json").exists() and not force:
        raise OutputExists(f"{target} holds a model already; pass -f to replace it")


def _convert_lyra(source: Path, target: Path, *, as_float: bool) -> str:
    import hashlib

    import torch

    from audiocodec.families.weights.lyra_tflite import FILES, build_float, build_lyra, read_lyra
    from audiocodec.folder import family_of, save_folder

    contents = [_read(source / name) for name in FILES]
    files = read_lyra(*contents)
    network = build_float(files) if as_float else build_lyra(files)
    hashes = (hashlib.sha256(content).hexdigest()[:12] for content in contents)
    made = {
        "converted": ", ".join(f"{name} {h}" for name, h in zip(FILES, hashes, strict=True)),
        "licence": "that of the files; google/lyra publishes its own under Apache-2.0",
    }
    family = family_of(network)
    # float32: a rounding of the float layers decides roundings of the int8 ones.
    identity = save_folder(
        network, target, family=family, name=target.name, made=made, dtype=torch.float32
    )
    spec = network.spec
    return (
        f"{family}, {spec.levels} levels at {spec.sample_rate_hz} Hz, "
        f"weights {identity.weights_sha256[:12]}"
    )


def _read(path: Path) -> bytes:
    from audiocodec.families.weights.tflite import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AudioCodecError(
            f"cannot read {path}: {error.strerror}; give the folder with google/lyra's TFLite files"
        ) from error
