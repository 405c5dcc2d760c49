"""Which model decodes a file: the one that was given, the embedded one, or the one it names."""

from pathlib import Path

from audiocodec.codec import Codec, check_identity, describe
from audiocodec.codes import ModelIdentity
from audiocodec.errors import UnknownModel, WrongModel
from audiocodec.hub import looks_like_hub_name
from audiocodec.load import load
from audiocodec.spec import CodecSpec


def codec_for(
    made_by: ModelIdentity | None,
    grid: CodecSpec,
    *,
    codec: Codec | None = None,
    model: str | Path | None = None,
    device: str = "cpu",
    force: bool = False,
) -> Codec:
    """Return a codec for codes of `made_by` on `grid`.

    `codec`, or else `model` (what `load` takes), when given. Otherwise the embedded model when it
    made the codes or nobody knows what did, and when it did not, the model of the Hub that
    `made_by` names. A name that a file carries is never taken for a folder.
    force: take the given or the embedded model whatever its weights, if only the grid fits.

    Raises WrongModel, naming both, when the weights or the grid are others, UnknownModel when the
    right one cannot be had, WeightsMismatch when it cannot be read.
    """
    if codec is not None or model is not None:
        return _checked(codec or load(model, device=device), made_by, grid, force=force)
    embedded = load(device=device)
    if force or made_by is None or _fits(embedded, made_by, grid):
        return _checked(embedded, made_by, grid, force=force)
    return _checked(_load_named(made_by, embedded, device), made_by, grid, force=False)


def _load_named(made_by: ModelIdentity, embedded: Codec, device: str) -> Codec:
    mismatch = f"the codes were made with {describe(made_by)}"
    if embedded.identity is not None:
        mismatch += f", and the embedded model is {describe(embedded.identity)}"
    if not looks_like_hub_name(made_by.name) or Path(made_by.name).exists():
        raise WrongModel(f"{mismatch}; give the folder or name of the former as model (--model)")
    try:
        return load(made_by.name, revision=made_by.revision or None, device=device)
    except UnknownModel as error:
        raise UnknownModel(
            f"{mismatch}; the former cannot be had ({error}); give its folder as model (--model)"
        ) from error


def _fits(codec: Codec, made_by: ModelIdentity, grid: CodecSpec) -> bool:
    try:
        _checked(codec, made_by, grid, force=False)
    except WrongModel:
        return False
    return True


def _checked(codec: Codec, made_by: ModelIdentity | None, grid: CodecSpec, *, force: bool) -> Codec:
    check_identity(
        made_by=made_by, grid=grid, identity=codec.identity, spec=codec.spec, force=force
    )
    return codec
