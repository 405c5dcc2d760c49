"""Pushing over HTTP, and back again; the model card."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import audiocodec
from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError, UnknownModel
from audiocodec.hub.publish import push_folder

# The client's own, when it uploads by plain HTTP.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def token(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_good")


def metadata(card: str) -> dict[str, Any]:
    """Return a card's metadata as the Hub's own library reads it."""
    from huggingface_hub import ModelCard

    assert card.startswith("---\n")
    return {key: value for key, value in vars(ModelCard(card).data).items() if value is not None}


@pytest.mark.usefixtures("token")
def test_there_and_back(hub: Any, tiny_codec: Codec) -> None:
    url = tiny_codec.push_to_hub("user/model", commit_message="First", private=True)
    repository = hub.repositories["user/model"]
    commit = repository.branches["main"]
    assert url == f"{hub.endpoint}/user/model/commit/{commit}"
    assert sorted(repository.commits[commit]) == ["README.md", "config.json", "model.safetensors"]
    assert repository.private
    again = Codec.from_pretrained("user/model")
    assert again.spec == tiny_codec.spec and again.identity is not None
    assert (again.identity.name, again.identity.revision) == ("user/model", commit)
    wav = torch.linspace(-0.5, 0.5, 999)
    codes = again.encode(wav)
    assert torch.equal(again.decode(codes), audiocodec.load("user/model").decode(codes))


@pytest.mark.usefixtures("token")
def test_branches_and_pull_requests(hub: Any, tiny_codec: Codec) -> None:
    tiny_codec.push_to_hub("user/model")
    first = hub.repositories["user/model"].branches["main"]
    url = tiny_codec.push_to_hub("user/model", create_pr=True, model_card_kwargs={"license": "mit"})
    assert url == f"{hub.endpoint}/user/model/discussions/1"
    tiny_codec.push_to_hub("user/model", revision="v2", model_card_kwargs={"tags": ["x"]})
    tiny_codec.push_to_hub("user/model", branch="v2", model_card_kwargs={"tags": ["y"]})
    branches = hub.repositories["user/model"].branches
    assert branches["main"] == first
    assert sorted(branches) == ["main", "refs/pr/1", "v2"]
    assert audiocodec.load("user/model@v2").spec == tiny_codec.spec
    with pytest.raises(AudioCodecError, match="a pull request goes to main"):
        tiny_codec.push_to_hub("user/model", revision="v2", create_pr=True)


def test_only_the_model_is_pushed(hub: Any, tiny_codec: Codec, tmp_path: Path) -> None:
    tiny_codec.save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "secret.txt").write_text("mine")
    push_folder(tmp_path / "model", "user/model", token="hf_good")
    (files,) = (files for files in hub.repositories["user/model"].commits.values() if files)
    assert "secret.txt" not in files


def test_save_pretrained_and_push_in_one(hub: Any, tiny_codec: Codec, tmp_path: Path) -> None:
    url = tiny_codec.save_pretrained(
        tmp_path / "model", repo_id="user/model", push_to_hub=True, token="hf_good"
    )
    assert url is not None and url.startswith(hub.endpoint)
    assert tiny_codec.save_pretrained(tmp_path / "other") is None


@pytest.mark.parametrize("token", [None, "hf_bad"])
def test_no_right_to_write(hub: Any, tiny_codec: Codec, token: str | None) -> None:
    with pytest.raises(AudioCodecError) as caught:
        tiny_codec.push_to_hub("user/model", token=token)
    assert str(caught.value) == (
        "user/model: not pushed, as this account may not write there; log in with `hf auth login` "
        "or set HF_TOKEN to a token with the right to write"
    )


@pytest.mark.usefixtures("token")
def test_no_network(hub: Any, tiny_codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(AudioCodecError, match="not pushed, as the Hub cannot be reached"):
        tiny_codec.push_to_hub("user/model")


@pytest.mark.parametrize("name", ["model", "a/b/c", "../x", ""])
def test_what_is_no_name(hub: Any, tiny_codec: Codec, name: str) -> None:
    with pytest.raises(UnknownModel, match="is no name on the Hub"):
        tiny_codec.push_to_hub(name)
    assert hub.lines() == []


def test_a_folder_that_is_no_model(hub: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UnknownModel, match=r"model.safetensors is missing"):
        push_folder(tmp_path, "user/model")
    assert hub.lines() == []


def test_the_card(tiny_codec: Codec, tmp_path: Path) -> None:
    card = {"license": "cc-by-4.0", "language": ["en", "de"], "datasets": ("librispeech_asr",)}
    card |= {"metrics": ["stoi", "pesq"], "tags": ["speech"], "base_model": "user/base"}
    tiny_codec.save_pretrained(tmp_path, repo_id="user/model", model_card_kwargs=card)
    text = (tmp_path / "README.md").read_text()
    assert metadata(text) == {
        "license": "cc-by-4.0",
        "language": ["en", "de"],
        "library_name": "audiocodec",
        "pipeline_tag": "audio-to-audio",
        "datasets": ["librispeech_asr"],
        "metrics": ["stoi", "pesq"],
        "base_model": "user/base",
        "tags": [
            "audio",
            "audio-codec",
            "neural-audio-codec",
            "rvq",
            "soundstream",
            "speech",
        ],
    }
    assert "--model user/model\n" in text and 'audiocodec.load("user/model")' in text
    assert "| 3 | 6 |" in text and "Not stated." in text
    assert "license" not in metadata(card_of(tiny_codec, tmp_path / "bare"))


def card_of(codec: Codec, folder: Path) -> str:
    codec.save_pretrained(folder)
    return (folder / "README.md").read_text()


def test_a_card_that_is_there_stays(tiny_codec: Codec, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    tiny_codec.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_facts_travel_with_the_weights(
    hub: Any, make_tiny_codec: Callable[..., Codec], tmp_path: Path
) -> None:
    codec = make_tiny_codec()
    codec.made = {"recipe": "x", "licence": "CC-BY-4.0", "by": "Somebody (https://a.b), CC BY 4.0"}
    codec.save_pretrained(tmp_path / "model")
    again = audiocodec.load(tmp_path / "model")
    assert again.made == codec.made
    card = card_of(again, tmp_path / "again")
    assert metadata(card)["license"] == "cc-by-4.0" and "- by: Somebody (https://a.b)" in card
    assert json.loads((tmp_path / "again" / "config.json").read_text())["made"] == codec.made
    # A known model's terms come from the table, not from its repository.
    hub.add_folder("kyutai/mimi", tmp_path / "model", "main")
    mimi = make_tiny_codec()
    mimi.save(tmp_path / "mimi")
    hub.add_folder("kyutai/mimi", tmp_path / "mimi", "main")
    commit = hub.repositories["kyutai/mimi"].branches["main"]
    made = audiocodec.load(f"kyutai/mimi@{commit}").made
    assert made["licence"] == "CC-BY-4.0" and "CC BY 4.0" in made["by"]
    assert made["from"] == f"kyutai/mimi@{commit}"


def test_force_download_mends(hub: Any, tiny_codec: Codec, tmp_path: Path) -> None:
    tiny_codec.save(tmp_path / "model")
    hub.add_folder("user/model", tmp_path / "model")
    good = audiocodec.load("user/model")
    (weights,) = (tmp_path / "cache").rglob("model.safetensors")
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    bad = audiocodec.load("user/model")
    assert good.identity is not None and bad.identity is not None
    assert bad.identity.weights_sha256 != good.identity.weights_sha256
    assert Codec.from_pretrained("user/model", force_download=True).identity == good.identity
