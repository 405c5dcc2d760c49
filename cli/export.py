"""`codec export`: a model as ONNX files."""

from pathlib import Path
from typing import Annotated

import typer

from . import options
from .console import Console
from .model import ModelChoice
from .units import size


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="What --model takes, of the SoundStream family, or embedded."
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the ONNX files.")],
    revision: options.Revision = None,
    cache_dir: options.CacheDir = None,
    local_files_only: options.LocalFilesOnly = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write encoder and decoder as ONNX, for whole sounds and step by step with explicit state.

    Each is run by onnxruntime and compared with torch. `codec encode --model DIR --backend onnx`
    uses them. Needs the extra: audiocodec[export].

    \b
    Examples:
      codec export embedded onnx/
      codec export my_model onnx/ -f
      codec export user/model@v1.0 onnx/ --cache-dir models/
      codec export embedded onnx/ --local-files-only -q
    """
    console = Console(quiet)
    choice = ModelChoice(
        model=None if model == "embedded" else model,
        revision=revision,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
    )
    codec = choice.load(console)
    with console.status("exporting ..."):
        from audiocodec.export import export_onnx

        report = export_onnx(codec, folder, overwrite=force)
    for file in report.files:
        console.result(f"{file}: {size(file.stat().st_size)}")
    console.result(
        f"checked against torch: {report.equal:.2%} of the codes equal, sound {report.near_db:.0f} "
        f"dB near; by steps {report.equal_by_steps:.2%}, {report.near_by_steps_db:.0f} dB"
    )
