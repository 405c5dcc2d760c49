"""`codec convert`: weights that others published, to a folder that every command takes."""

from pathlib import Path
from typing import Annotated

import typer

from audiocodec.errors import AudioCodecError, OutputExists

from . import options
from .console import Console

convert = typer.Typer(
    name="convert",
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Turn published weights of others into a model for every command.",
    epilog="""\b
Examples:
  codec convert lyra-tflite lyra/model_coeffs lyra_v2
  codec encode in.wav --model lyra_v2
""",
)


@convert.callback()
def _convert() -> None:
    """Turn published weights of others into a model for every command."""


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
    from audiocodec.folder import CONFIG

    if (target / CONFIG).exists() and not force:
        raise OutputExists(f"{target} holds a model already; pass -f to replace it")
    console = Console(quiet=quiet)
    with console.status("converting ..."):
        done = _convert_lyra(source, target, as_float=as_float)
    console.result(f"{target}: {done}")


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
