"""`load`: a name or a folder to a `Codec`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from audiocodec.errors import AudioCodecError, UnknownModel
from audiocodec.hub import fetch, known_model, looks_like_hub_name
from audiocodec.hub.choice import WEIGHTS, is_pickle
from audiocodec.pickles import converted, refuse_pickle

if TYPE_CHECKING:
    from audiocodec.codec import Codec

EMBEDDED = Path(__file__).parent / "pretrained"


def load(
    model: str | Path | None = None,
    *,
    device: str = "cpu",
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    allow_pickle: bool = False,
    token: str | bool | None = None,
    dtype: Literal["float32", "bfloat16"] = "float32",
    compile: bool = False,
    backend: Literal["torch", "onnx"] = "torch",
) -> "Codec":
    """Return a ready codec.

    model: None for the weights inside the package (no network is touched), a folder with
        `config.json` and `model.safetensors`, one file of weights, or a Hub name, "user/model" or
        "user/model@revision".
    device: "cpu", "cuda", "mps", or "auto" for the best there is.
    allow_pickle: read weights that there are only as a pickle (.bin, .th, .pth): tensors only, and
        converted once.
    token: for private and gated repositories; None for that of HF_TOKEN or of a login.
    dtype: "bfloat16" for faster products where the hardware has them; some codes are others then.
    compile: by torch.compile, at the first use, which takes a minute and a C++ compiler. Neither is
        the same to the bit (docs/speed.md).
    backend: "onnx" for a folder that `codec export` wrote, which onnxruntime then runs on the CPU.
    Raises UnknownModel, WeightsMismatch, and AudioCodecError where the cache cannot be written.
    """
    if backend == "onnx":
        if dtype != "float32" or compile or device not in ("auto", "cpu"):
            raise AudioCodecError("the onnx backend runs on the CPU, as it was exported")
        return _load_onnx(model)
    from audiocodec.codec import Codec
    from audiocodec.entropy_tables import tables_beside
    from audiocodec.folder import load_folder
    from audiocodec.speed import DTYPES, compile_network, reduce_precision

    place = locate(
        model,
        revision=revision,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        allow_pickle=allow_pickle,
        token=token,
    )
    loaded = load_folder(place.path, name=place.name, revision=place.revision)
    if dtype not in DTYPES:
        raise AudioCodecError(f"dtype {dtype!r} is none of {', '.join(DTYPES)}")
    reduce_precision(loaded.network, DTYPES[dtype])
    if compile:
        compile_network(loaded.network)
    return Codec(
        loaded.network,
        identity=loaded.identity,
        device=pick_device(device),
        made=loaded.made or _origin(place),
        tables_file=tables_beside(place.path, loaded.identity.weights_sha256),
        dtype=DTYPES[dtype],
    )


def _load_onnx(model: str | Path | None) -> "Codec":
    """Return the codec of an exported folder."""
    from audiocodec.codec import Codec
    from audiocodec.entropy_tables import tables_beside, tables_for
    from audiocodec.onnx_network import OnnxNetwork

    if model is None or not Path(model).is_dir():
        raise UnknownModel("the onnx backend needs the folder that `codec export` wrote as model")
    network = OnnxNetwork(Path(model))
    identity = network.identity
    tables = tables_beside(Path(model), identity.weights_sha256) or tables_for(identity)
    return Codec(network, identity=identity, tables_file=tables)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model lies, and what it is called there ("": what its configuration says).

    path: a folder, or one file of safetensors that needs no configuration.
    """

    path: Path
    name: str = ""
    revision: str = ""


def locate(
    model: str | Path | None = None,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    allow_pickle: bool = False,
    token: str | bool | None = None,
    verify: bool = False,
) -> Place:
    """Return where the model lies that `load` takes by the same arguments, fetching it if needed.

    verify: compare what is cached with the Hub's hashes, and fetch anew what differs.
    Raises UnknownModel, and what reading a pickle raises.
    """
    name, _, pinned = str(model or "").partition("@")
    cache = None if cache_dir is None else Path(cache_dir)
    if model is None:
        return Place(EMBEDDED)
    if Path(model).is_dir() or Path(model).is_file():
        return _without_pickle(Path(model), cache, allow_pickle)
    if isinstance(model, str) and looks_like_hub_name(name):
        found = fetch(
            name,
            revision=revision or pinned or None,
            cache_dir=cache,
            local_files_only=local_files_only,
            allow_pickle=allow_pickle,
            token=token,
            verify=verify,
        )
        usual = found.weights.name == WEIGHTS
        place = _without_pickle(found.folder if usual else found.weights, cache, allow_pickle)
        return Place(place.path, name, found.revision)
    raise UnknownModel(
        f"{str(model)!r} is neither a folder nor a Hub name like user/model; "
        f"leave it out for the embedded model"
    )


def _origin(place: Place) -> dict[str, str]:
    """Return what is to be kept with weights that others made."""
    known = known_model(place.name)
    if known is None:
        return {}
    facts = {
        "from": f"{place.name}@{place.revision}",
        "licence": known.weights_licence,
        "by": known.attribution,
    }
    return {key: value for key, value in facts.items() if value}


def _without_pickle(path: Path, cache_dir: Path | None, allow_pickle: bool) -> Place:
    """Return a folder or file as it is, or what a pickle was converted to."""
    pickle = path if path.is_file() else _lone_pickle(path)
    if pickle is None or not is_pickle(pickle.name):
        return Place(path)
    name = path.stem if path.is_file() else path.name
    done = converted(pickle, cache_dir)
    if done is not None:
        return Place(done, name)
    if not allow_pickle:
        raise refuse_pickle(pickle)
    from audiocodec.unpickle import unpickle

    return Place(unpickle(pickle, cache_dir=cache_dir), name)


def _lone_pickle(folder: Path) -> Path | None:
    names = [path.name for path in folder.iterdir()]
    if any(name.endswith(".safetensors") for name in names):
        return None
    pickles = sorted(name for name in names if is_pickle(name))
    usual = "pytorch_model.bin"
    if len(pickles) > 1 and usual not in pickles:
        raise UnknownModel(f"{folder}: which of {', '.join(pickles[:4])}? give the file itself")
    return folder / (usual if usual in pickles else pickles[0]) if pickles else None


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
