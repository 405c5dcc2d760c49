"""`codec pull`: a model of the Hub into the local cache."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options
from .console import Console
from .model import ModelChoice
from .units import count, size

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.load import Place


def pull(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Hub name: user/model or user/model@revision.")
    ],
    revision: options.Revision = None,
    cache_dir: options.CacheDir = None,
    local_files_only: options.LocalFilesOnly = False,
    allow_pickle: options.AllowPickle = False,
    quiet: options.Quiet = False,
) -> None:
    """Fetch a model for later use without a network, and check it.

    What is there already is compared with the Hub's hashes, and a download that broke off goes on
    where it stopped. Prints the folder.

    \b
    Examples:
      codec pull facebook/encodec_24khz
      codec pull user/model --revision v1.0
      codec pull hubertsiuzdak/snac_32khz --allow-pickle
      codec pull user/model --local-files-only      is it here, and whole?
    """
    console = Console(quiet)
    choice = ModelChoice(
        model=model,
        revision=revision,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        allow_pickle=allow_pickle,
    )
    place = choice.fetch(console)
    codec = choice.load(console)
    console.result(_summary(codec, place))
    for key in ("licence", "by"):
        if key in codec.made:
            console.result(f"{key}: {codec.made[key]}")
    print(place.path)


def _summary(codec: "Codec", place: "Place") -> str:
    from audiocodec.folder import WEIGHTS, family_of

    weights: Path = place.path / WEIGHTS if place.path.is_dir() else place.path
    revision = f"@{place.revision[:12]}" if place.revision else ""
    return (
        f"{place.name or place.path}{revision}: {family_of(codec.network)}, "
        f"{count(codec.spec.levels, 'level')} at {codec.spec.sample_rate_hz} Hz, "
        f"{size(weights.stat().st_size)}"
    )
