"""The facts about a model."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiocodec.folder import CONFIG, WEIGHTS, family_of
from audiocodec.hub import known_model
from audiocodec.load import locate

from .console import Console
from .model import ModelChoice
from .units import kbps, size

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.spec import CodecSpec


def about_model(choice: ModelChoice, console: Console) -> "ModelFacts":
    """Load the model and look at it. Raises UnknownModel, WeightsMismatch."""
    codec = choice.load(console)
    revision = codec.identity.revision if codec.identity else ""
    place = locate(
        choice.model,
        revision=revision or choice.revision,
        cache_dir=choice.cache_dir,
        local_files_only=True,  # `load` has just fetched it
        allow_pickle=choice.allow_pickle,
    )
    weights = place.path / WEIGHTS if place.path.is_dir() else place.path
    return ModelFacts(
        name=codec.identity.name if codec.identity else "",
        revision=revision,
        weights_sha256=codec.identity.weights_sha256 if codec.identity else "",
        family=family_of(codec.network),
        spec=codec.spec,
        latency_samples=codec.stream_encoder().latency_samples,
        parameters=_parameters(codec),
        weights_bytes=weights.stat().st_size,
        made=_made(place.path / CONFIG),
        terms=_terms(place.name),
    )


def _made(config: Path) -> dict[str, Any]:
    if not config.exists():
        return {}
    table = json.loads(config.read_text(encoding="utf-8"))  # `load` has checked it
    made = table.get("made")
    return dict(made) if isinstance(made, dict) else {}


def _terms(name: str) -> dict[str, str]:
    known = known_model(name)
    if known is None:
        return {}
    terms = {"licence": known.weights_licence, "by": known.attribution, "note": known.note}
    return {key: value for key, value in terms.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """A model, as lines for people and as JSON for programs.

    latency_samples: sound that must arrive before the first codes, at the model's rate.
    parameters: numbers that training made, by part of the network; codebooks are the quantizer's.
    weights_bytes: size of the file of weights. made: how the weights came to be.
    terms: licence and attribution of a known model of the Hub.
    """

    name: str
    revision: str
    weights_sha256: str
    family: str
    spec: "CodecSpec"
    latency_samples: int
    parameters: dict[str, int]
    weights_bytes: int
    made: dict[str, Any]
    terms: dict[str, str] = field(default_factory=dict)

    @property
    def latency_ms(self) -> float:
        """The latency in milliseconds."""
        return 1000 * self.latency_samples / self.spec.sample_rate_hz

    def lines(self) -> list[str]:
        """Return the facts as lines of text."""
        spec = self.spec
        revision = f"@{self.revision}" if self.revision else ""
        parts = ", ".join(f"{name} {_short(n)}" for name, n in self.parameters.items())
        sizes = "/".join(str(n) for n in dict.fromkeys(spec.codebook_sizes))
        return [
            f"{self.name}{revision}: {self.family}, weights {self.weights_sha256[:12]}",
            f"  sound       {spec.sample_rate_hz} Hz, "
            f"{'mono' if spec.channels == 1 else f'{spec.channels} channels'} "
            f"(other rates are resampled, more channels coded each by itself)",
            f"  frames      {spec.frame_rate_hz:g} a second, hop {spec.hop_samples} samples",
            f"  latency     {self.latency_samples} samples, {self.latency_ms:g} ms",
            f"  parameters  {_short(sum(self.parameters.values()))} ({parts})",
            f"  weights     {size(self.weights_bytes)}",
            *(f"  {key:10}  {value}" for key, value in {**self.made, **self.terms}.items()),
            f"  levels      {spec.levels}, {sizes} entries each; by their number, for one channel:",
            *self._rates(),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        spec = self.spec
        return {
            "kind": "model",
            "name": self.name,
            "revision": self.revision,
            "weights_sha256": self.weights_sha256,
            "weights_bytes": self.weights_bytes,
            "family": self.family,
            "parameters": self.parameters,
            "sample_rate_hz": spec.sample_rate_hz,
            "channels": spec.channels,
            "hop_samples": spec.hop_samples,
            "frame_rate_hz": spec.frame_rate_hz,
            "latency_samples": self.latency_samples,
            "latency_ms": self.latency_ms,
            "codebook_sizes": list(spec.codebook_sizes),
            "bitrates_bps": [spec.bitrate_bps(k) for k in range(1, spec.levels + 1)],
            "made": self.made,
            "terms": self.terms,
        }

    def _rates(self) -> list[str]:
        cells = [
            f"{k:4}  {kbps(self.spec.bitrate_bps(k)):11}" for k in range(1, self.spec.levels + 1)
        ]
        rows = -(-len(cells) // 4)  # read down the columns
        return ["        " + "".join(cells[row::rows]).rstrip() for row in range(rows)]


def _parameters(codec: "Codec") -> dict[str, int]:
    from torch import nn

    parts: dict[str, int] = {}
    if isinstance(codec.network, nn.Module):
        for name, tensor in codec.network.state_dict().items():
            part = name.partition(".")[0]
            parts[part] = parts.get(part, 0) + tensor.numel()
    return parts


def _short(number: int) -> str:
    for unit, scale in (("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return str(number)
