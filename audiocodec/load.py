"""`load`: a name or a folder to a `Codec`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiocodec.errors import AudioCodecError, UnknownModel
from audiocodec.hub import fetch, looks_like_hub_name

if TYPE_CHECKING:
    from audiocodec.codec import Codec

EMBEDDED = Path(__file__).parent / "pretrained"


def load(
    model: str | Path | None = None,
    *,
    device: str = "cpu",
    revision: str | None = None,
    cache_dir: Path | None = None,
    local_files_only: bool = False,
) -> "Codec":
    """Return a ready codec.

    model: None for the weights inside the package (no network is touched), a folder with
        `config.json` and `model.safetensors`, or a Hub name, "user/model" or
        "user/model@revision".
    device: "cpu", "cuda", "mps", or "auto" for the best there is.
    Raises UnknownModel, WeightsMismatch.
    """
    from audiocodec.codec import Codec
    from audiocodec.folder import load_folder

    place = locate(model, revision=revision, cache_dir=cache_dir, local_files_only=local_files_only)
    loaded = load_folder(place.folder, name=place.name, revision=place.revision)
    return Codec(loaded.network, identity=loaded.identity, device=pick_device(device))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model lies, and what it is called there ("": what its configuration says)."""

    folder: Path
    name: str = ""
    revision: str = ""


def locate(
    model: str | Path | None = None,
    *,
    revision: str | None = None,
    cache_dir: Path | None = None,
    local_files_only: bool = False,
) -> Place:
    """Return where the model lies that `load` takes by the same arguments, fetching it if needed.

    Raises UnknownModel.
    """
    name, _, pinned = str(model or "").partition("@")
    if model is None:
        return Place(EMBEDDED)
    if Path(model).is_dir():
        return Place(Path(model))
    if isinstance(model, str) and looks_like_hub_name(name):
        wanted = revision or pinned or None
        folder = fetch(
            name, revision=wanted, cache_dir=cache_dir, local_files_only=local_files_only
        )
        return Place(folder, name, folder.name)
    raise UnknownModel(
        f"{str(model)!r} is neither a folder nor a Hub name like user/model; "
        f"leave it out for the embedded model"
    )


def pick_device(name: str) -> str:
    """Return the torch device for a name; "auto" takes CUDA, then MPS, then the CPU.

    Raises AudioCodecError for a device that this machine does not have.
    """
    import torch

    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if has[device])
    if not has.get(name.partition(":")[0], False):
        usable = ", ".join(device for device, there in has.items() if there)
        raise AudioCodecError(f"device {name!r} is not available here; usable: auto, {usable}")
    return name
