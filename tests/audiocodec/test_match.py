"""Which model decodes a file: never silently a wrong one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from audiocodec import match
from audiocodec.codec import Codec
from audiocodec.codes import ModelIdentity
from audiocodec.errors import UnknownModel, WrongModel
from audiocodec.families.soundstream import SoundStreamConfig
from audiocodec.match import codec_for

MakeCodec = Callable[..., Codec]


class Models:
    """What `load` finds, by name and None for the embedded one; remembers what was asked for."""

    def __init__(self, **found: Codec) -> None:
        self.found = found
        self.asked: list[tuple[str | None, str | None, str]] = []

    def load(
        self, model: str | Path | None = None, *, revision: str | None = None, device: str = "cpu"
    ) -> Codec:
        name = None if model is None else str(model)
        self.asked.append((name, revision, device))
        codec = self.found.get((name or "embedded").replace("/", "_"))
        if codec is None:
            raise UnknownModel(f"{name}: the Hub cannot be reached")
        return codec


@pytest.fixture
def models(make_tiny_codec: MakeCodec, monkeypatch: pytest.MonkeyPatch) -> Models:
    models = Models(
        embedded=make_tiny_codec(name="embedded"),
        some_model=make_tiny_codec(seed=1, name="some/model"),
    )
    monkeypatch.setattr(match, "load", models.load)
    return models


def identity(codec: Codec) -> ModelIdentity:
    assert codec.identity is not None
    return codec.identity


def test_the_embedded_model_decodes_its_own(models: Models) -> None:
    codec = models.found["embedded"]
    assert codec_for(identity(codec), codec.spec) is codec
    assert models.asked == [(None, None, "cpu")]


def test_the_hub_is_asked_for_the_model_that_the_file_names(models: Models) -> None:
    codec = models.found["some_model"]
    made_by = ModelIdentity("some/model", "f00", identity(codec).weights_sha256)
    assert codec_for(made_by, codec.spec, device="cuda") is codec
    assert models.asked == [(None, None, "cuda"), ("some/model", "f00", "cuda")]


def test_what_the_hub_has_under_the_name_is_checked(models: Models) -> None:
    made_by = ModelIdentity("some/model", "", "ab" * 32)
    with pytest.raises(WrongModel, match=r"some/model \(weights abab.* some/model \(weights"):
        codec_for(made_by, models.found["embedded"].spec)


def test_a_model_that_cannot_be_had_is_an_error_with_both_names(models: Models) -> None:
    made_by = ModelIdentity("other/model", "v2", "ab" * 32)
    with pytest.raises(UnknownModel) as caught:
        codec_for(made_by, models.found["embedded"].spec)
    for part in ("other/model@v2", "abababab", "embedded", "cannot be reached", "--model"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["embedded", "my model", "", "../x", "/etc/x", "some/there"])
def test_a_name_that_is_no_hub_name_is_never_opened(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A file could name any folder of this machine."""
    (tmp_path / "work" / "some" / "there").mkdir(parents=True)
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(WrongModel, match=r"abab.* embedded .*--model"):
        codec_for(ModelIdentity(name, "", "ab" * 32), models.found["embedded"].spec)
    assert models.asked == [(None, None, "cpu")]


def test_a_given_codec_or_model_is_taken_or_refused(models: Models) -> None:
    embedded, other = models.found["embedded"], models.found["some_model"]
    assert codec_for(identity(other), other.spec, codec=other) is other
    assert models.asked == []
    assert codec_for(identity(other), other.spec, model="some/model") is other
    assert models.asked == [("some/model", None, "cpu")]
    with pytest.raises(WrongModel, match="embedded .* some/model"):
        codec_for(identity(embedded), embedded.spec, model="some/model")
    with pytest.raises(WrongModel, match="some/model .* embedded"):
        codec_for(identity(other), other.spec, codec=embedded)


def test_force_takes_what_is_at_hand(models: Models) -> None:
    embedded, other = models.found["embedded"], models.found["some_model"]
    made_by = ModelIdentity("other/model", "", "ab" * 32)
    assert codec_for(made_by, other.spec, force=True) is embedded
    assert codec_for(made_by, other.spec, codec=other, force=True) is other
    assert codec_for(made_by, other.spec, model="some/model", force=True) is other


def test_unknown_weights_are_tried_on_the_embedded_model(
    models: Models, make_tiny_codec: MakeCodec, wide_config: SoundStreamConfig
) -> None:
    embedded = models.found["embedded"]
    assert codec_for(None, embedded.spec) is embedded
    with pytest.raises(WrongModel, match="grid of 24000 Hz"):
        codec_for(None, make_tiny_codec(wide_config).spec)
