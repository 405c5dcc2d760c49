"""`export_onnx`: a model as ONNX files for other runtimes, each checked against torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocodec.atomic import atomic_output, refuse_existing
from audiocodec.codes import ModelIdentity
from audiocodec.entropy_tables import save_tables
from audiocodec.errors import AudioCodecError, MissingExtra

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.codes import Codes, FloatArray

CHECKED_S = 3
LEAST_SHARE, LEAST_DB = 0.95, 60.0
"""What is no rounding any more: a share of equal codes, and a distance of sounds."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How near the graphs come to torch on some seconds of noise.

    files: that were written. equal: share of the codes that are the same; whole and by steps.
    near_db: of the decoded sounds, how far their difference is below them; whole and by steps.
    """

    files: tuple[Path, ...]
    equal: float
    equal_by_steps: float
    near_db: float
    near_by_steps_db: float


def export_onnx(codec: "Codec", folder: str | Path, *, overwrite: bool = False) -> ExportReport:
    """Write encoder.onnx and decoder.onnx, and both with an explicit state, *_step.onnx.

    `audiocodec.load(folder, backend="onnx")` runs them; docs/onnx.md says what goes in and out.
    Only for codecs of the SoundStream family. Raises MissingExtra without onnx and onnxruntime,
    OutputExists, and AudioCodecError for another family, for a folder that cannot be written, and
    where onnxruntime's results are not torch's.
    """
    from audiocodec.families.soundstream import SoundStream

    if type(codec.network) is not SoundStream:
        name = type(codec.network).__name__
        raise AudioCodecError(f"only the SoundStream family can be exported, not {name}")
    place = Path(folder)
    try:
        import onnxruntime as _  # noqa: F401

        from audiocodec.onnx_graph.models import build_models
    except ImportError as error:
        raise MissingExtra(
            "ONNX needs the export extra: pip install 'audiocodec[export]'"
        ) from error
    identity = codec.identity or ModelIdentity(place.name, "", "")
    models = list(build_models(codec.network, identity))
    files = tuple(place / named.file for named in models)
    for file in files:
        refuse_existing(file, overwrite=overwrite)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioCodecError(f"cannot make the folder {place}: {error.strerror}") from error
    for file, named in zip(files, models, strict=True):
        with atomic_output(file, overwrite=overwrite) as output:
            output.write(named.model.SerializeToString())
    save_tables(codec.tables_file, place, identity.weights_sha256)
    return _checked(codec, place, files)


def _checked(codec: "Codec", folder: Path, files: tuple[Path, ...]) -> ExportReport:
    """Compare torch and onnxruntime. Raises AudioCodecError where they differ."""
    from audiocodec.codec import Codec
    from audiocodec.onnx_network import OnnxNetwork, run_decoder, run_encoder

    rng = np.random.default_rng(0)
    wav = 0.1 * rng.standard_normal((1, CHECKED_S * codec.spec.sample_rate_hz), np.float32)
    codes = codec.encode(wav)
    sound = codec.decode(codes).numpy()
    steps = Codec(OnnxNetwork(folder), identity=codec.identity)
    whole = run_decoder(folder, codes.indices)[:, : wav.shape[1]]
    report = ExportReport(
        files=files,
        equal=_share(codes, run_encoder(folder, wav)),
        equal_by_steps=_share(codes, steps.encode(wav).indices),
        near_db=_near_db(sound, whole),
        near_by_steps_db=_near_db(sound, steps.decode(codes).numpy()),
    )
    shares = (report.equal, report.equal_by_steps)
    if min(shares) < LEAST_SHARE or min(report.near_db, report.near_by_steps_db) < LEAST_DB:
        raise AudioCodecError(f"onnxruntime does not compute what torch does: {report}")
    return report


def _share(codes: "Codes", found: NDArray[np.integer[Any]]) -> float:
    return float((codes.indices == found).mean())


def _near_db(wanted: "FloatArray", found: "FloatArray") -> float:
    error = float(np.square(wanted - found).sum())
    return 10 * float(np.log10(np.square(wanted).sum() / max(error, 1e-30)))
