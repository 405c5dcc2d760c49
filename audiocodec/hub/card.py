"""The model card of one of our own models: what the Hub shows, and what a reader needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audiocodec.spec import CodecSpec

TAGS = ("audio", "audio-codec", "neural-audio-codec", "rvq")
_ROWS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What a card tells of a model. made: how the weights came to be, by topic."""

    name: str
    family: str
    spec: CodecSpec
    made: Mapping[str, Any]
    weights_sha256: str


def model_card(
    facts: CardFacts,
    *,
    repo_id: str | None = None,
    license: str | None = None,
    language: str | Sequence[str] | None = None,
    datasets: str | Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    base_model: str | Sequence[str] | None = None,
    pipeline_tag: str = "audio-to-audio",
    **more: Any,
) -> str:
    """Return a README.md: metadata in YAML for the Hub, then text.

    The arguments are fields of the metadata by the Hub's names. license: an identifier of the
    Hub's, such as "apache-2.0"; by default that of the weights that the model was converted from.
    tags: added to those of every codec. more: any other field of `huggingface_hub.ModelCardData`.
    """
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        license=license or _licence_of(facts.made),
        library_name="audiocodec",
        pipeline_tag=pipeline_tag,
        tags=list(dict.fromkeys((*TAGS, facts.family, *(tags or ())))),
        language=_plain(language),
        datasets=_plain(datasets),
        metrics=_plain(metrics),
        base_model=_plain(base_model),
        **more,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{_text(facts, repo_id or facts.name)}"


def _plain(value: str | Sequence[str] | None) -> Any:
    """Return lists for all sequences: YAML has no tuples."""
    return value if value is None or isinstance(value, str) else list(value)


def _licence_of(made: Mapping[str, Any]) -> str | None:
    words = str(made.get("licence") or "").split()
    return words[0].lower() if words and words[0][:1].isupper() else None


def _text(facts: CardFacts, name: str) -> str:
    spec = facts.spec
    channels = "mono" if spec.channels == 1 else f"{spec.channels} channels"
    sizes = "/".join(str(size) for size in dict.fromkeys(spec.codebook_sizes))
    made = "".join(f"- {key}: {value}\n" for key, value in facts.made.items()) or "Not stated.\n"
    return f"""# {facts.name}

A neural audio codec of the family {facts.family}: {spec.sample_rate_hz} Hz {channels},
{spec.frame_rate_hz:g} frames a second, {spec.levels} levels of {sizes} entries,
{spec.bitrate_bps(1) / 1000:g} to {spec.bitrate_bps() / 1000:g} kbps. Codes carry the hash of its
weights, `{facts.weights_sha256[:12]}`.

## How to use it

```sh
codec encode in.wav out.codes --model {name}
codec decode out.codes back.wav --model {name}
```

```python
import audiocodec

codec = audiocodec.load("{name}")
```

## Bit rates

| levels | kbps |
|--:|--:|
{_rates(spec)}
## How it was made

{made}
## Limits

A lossy codec: words and details can change, most at the lowest bit rates. Do not pass decoded
voices off as recordings.
"""


def _rates(spec: CodecSpec) -> str:
    step = -(-spec.levels // _ROWS)
    chosen = sorted({1, *range(step, spec.levels + 1, step), spec.levels})
    return "".join(f"| {k} | {spec.bitrate_bps(k) / 1000:g} |\n" for k in chosen)
