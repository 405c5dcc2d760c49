"""Options that several commands share: their names, checks and help."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


class RawEncoding(StrEnum):
    """How a sample of raw input is stored."""

    S16LE = "s16le"
    S24LE = "s24le"
    S32LE = "s32le"
    F32LE = "f32le"


class SampleEncoding(StrEnum):
    """How a sample of lossless output is stored."""

    PCM16 = "pcm16"
    PCM24 = "pcm24"
    FLOAT32 = "float32"


class SoundFormat(StrEnum):
    """Formats of decoded sound, as the suffixes that name them."""

    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"
    OPUS = "opus"
    MP3 = "mp3"
    AIFF = "aiff"
    RAW = "raw"

    @property
    def suffix(self) -> str:
        """Suffix of a file in this format."""
        return f".{self.value}"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Every suffix that names it."""
        others = {"wav": ".wave", "ogg": ".oga", "aiff": ".aif", "raw": ".pcm"}
        return tuple(filter(None, (self.suffix, others.get(self.value))))


class WrongUsage(typer.BadParameter):
    """Arguments that do not fit together: usage and one line on standard error, exit code 2."""

    def format_message(self) -> str:
        """Return the message as it is, without "Invalid value"."""
        return self.message


def _check_device(name: str) -> str:
    if not _DEVICE.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is none of auto, cpu, cuda, cuda:N, mps")
    return name


Levels = Annotated[
    int | None,
    typer.Option(
        "-n", "--levels", min=1, metavar="N", help="Quantizer levels to use; all by default."
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "-o", "--output", metavar="OUT", help="Output file, or folder for several inputs."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="Folder or Hub name (user/model, user/model@revision); embedded by default.",
    ),
]
Revision = Annotated[
    str | None,
    typer.Option("--revision", metavar="REV", help="Branch, tag or commit of a model on the Hub."),
]
CacheDir = Annotated[
    Path | None,
    typer.Option("--cache-dir", metavar="DIR", help="Where models from the Hub are kept."),
]
LocalFilesOnly = Annotated[
    bool, typer.Option("--local-files-only", help="Never go to the network for a model.")
]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Read weights that are there as a pickle only (.bin, .th, .pth): tensors, no code.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda|mps",
        callback=_check_device,
        help="Where to compute; auto takes the best there is.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, metavar="N", help="CPU threads; never changes the codes."),
]


class BackendName(StrEnum):
    """What computes."""

    TORCH = "torch"
    ONNX = "onnx"


Backend = Annotated[
    BackendName,
    typer.Option("--backend", help="onnx: run a folder that `codec export` wrote, by onnxruntime."),
]


class DtypeName(StrEnum):
    """What products are computed in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


Dtype = Annotated[
    DtypeName,
    typer.Option(
        "--dtype", help="bfloat16 may be quicker where the hardware has it; some codes are others."
    ),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Let torch.compile make kernels first, which takes a minute and a C++ compiler: for "
        "hours of sound.",
    ),
]
Jobs = Annotated[
    int,
    typer.Option("-j", "--jobs", min=1, metavar="N", help="Work on so many files at once."),
]
Force = Annotated[bool, typer.Option("-f", "--force", help="Replace outputs that exist.")]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="Print errors and warnings of damage only.")
]
