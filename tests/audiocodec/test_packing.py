"""The bridge: what goes into a header comes out of it, and contradictions do not pass."""

from dataclasses import replace

import pytest

from audiocodec.bitstream.header import Header
from audiocodec.codes import ModelIdentity, Source
from audiocodec.errors import Corrupt, FormatError
from audiocodec.packing import (
    batch_of,
    build_header,
    check_length,
    identity_of,
    source_of,
    spec_of,
)
from audiocodec.spec import CodecSpec

MONO = CodecSpec(sample_rate_hz=24000, channels=1, hop_samples=320, codebook_sizes=(1024,) * 8)
STEREO = replace(MONO, channels=2, codebook_sizes=(2048, 1024))
MODEL = ModelIdentity("somebody/model", "main", "ab" * 32)


@pytest.mark.parametrize("spec", [MONO, STEREO])
@pytest.mark.parametrize("model", [MODEL, ModelIdentity("embedded", "", "cd" * 32), None])
@pytest.mark.parametrize(
    "source", [Source(44100, 1, 0, 1), Source(8000, 8, 12345), Source(24000, 3, 5, 3)]
)
def test_a_header_gives_back_what_it_was_built_of(
    spec: CodecSpec, model: ModelIdentity | None, source: Source
) -> None:
    sounds = 4 if source.ndim == 3 else 1
    header = build_header(spec, source, model, rows=sounds * -(-source.channels // spec.channels))
    assert spec_of(header) == spec
    assert identity_of(header) == model
    assert header.source_samples == source.samples
    assert source_of(header, source.samples) == source
    assert batch_of(header) == sounds


def test_an_unknown_length_is_left_out() -> None:
    header = build_header(MONO, Source(24000, 1, 0), None, rows=1, length_known=False)
    assert header.source_samples is None


def test_metadata_is_kept_in_order() -> None:
    texts = {"title": "Söng", "artist": "B"}
    header = build_header(MONO, Source(24000, 1, 0), None, rows=1, metadata=texts)
    assert header.metadata == (("title", "Söng"), ("artist", "B"))


@pytest.mark.parametrize("texts", [{"Title": "x"}, {"": "x"}, {"title": "bell \a"}])
def test_metadata_that_the_format_does_not_take_is_refused(texts: dict[str, str]) -> None:
    with pytest.raises(FormatError, match="metadata"):
        build_header(MONO, Source(24000, 1, 0), None, rows=1, metadata=texts)


def test_half_an_identity_is_one() -> None:
    header = build_header(MONO, Source(24000, 1, 0), None, rows=1)
    assert identity_of(replace(header, model_name="x")) == ModelIdentity("x", "", "")
    hashed = identity_of(replace(header, weights_sha256="ab" * 32))
    assert hashed == ModelIdentity("", "", "ab" * 32)


def header_with(**changes: int) -> Header:
    header = build_header(MONO, Source(24000, 2, 0), MODEL, rows=2)
    return replace(header, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 1},
        {"rows": 3},
        {"rows": 4},  # a batch, but of axes for one sound
        {"source_channels": 3},
        {"source_ndim": 1},  # two channels, but no axis for them
        {"source_ndim": 3, "rows": 3},
    ],
)
def test_rows_that_are_no_sounds_are_refused(changes: dict[str, int]) -> None:
    assert batch_of(header_with()) == 1
    with pytest.raises(Corrupt, match="contradicts itself"):
        batch_of(header_with(**changes))
    with pytest.raises(Corrupt, match="contradicts itself"):
        source_of(header_with(**changes), 0)


def test_frames_bound_the_length() -> None:
    header = replace(header_with(), source_sample_rate_hz=11025)
    check_length(header, samples=147, frames=1)
    with pytest.raises(Corrupt, match="148 samples, but its 1 frames stand for 147"):
        check_length(header, samples=148, frames=1)
    check_length(header, samples=0, frames=1)
