"""Which files are fetched, for layouts of all kinds; and the table of known models."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from audiocodec.errors import UnknownModel
from audiocodec.hub import cached_models, fetch, known_model, known_models
from audiocodec.hub.choice import choose, is_pickle

USUAL = ["config.json", "preprocessor_config.json"]


@pytest.mark.parametrize(
    ("listing", "weights", "described"),
    [
        (
            [*USUAL, "model.safetensors", "pytorch_model.bin", "README.md"],
            "model.safetensors",
            USUAL,
        ),
        ([*USUAL, "snac.safetensors", "pytorch_model.bin"], "snac.safetensors", USUAL),
        (["config.json", "pytorch_model.bin"], "pytorch_model.bin", ["config.json"]),
        (["config.json", "pytorch_model.bin", "other.pth"], "pytorch_model.bin", ["config.json"]),
        (["config.json", "weights.PTH"], "weights.PTH", ["config.json"]),
        (
            ["config.json", "model.safetensors", "tokenizer-e351-checkpoint125.safetensors"],
            "tokenizer-e351-checkpoint125.safetensors",
            [],
        ),
        (["config.json", "onnx/model.safetensors", "model.safetensors"], "model.safetensors", None),
    ],
)
def test_the_one_file_of_weights(
    listing: list[str], weights: str, described: list[str] | None
) -> None:
    choice = choose("user/model", listing)
    assert choice.weights == weights
    assert list(choice.descriptions) == (["config.json"] if described is None else described)


def test_tables_are_no_weights() -> None:
    choice = choose("user/model", ["config.json", "snac.safetensors", "entropy.safetensors"])
    assert (choice.weights, choice.tables) == ("snac.safetensors", "entropy.safetensors")
    assert choose("user/model", ["config.json", "model.safetensors"]).tables == ""
    with pytest.raises(UnknownModel, match="holds no weights"):
        choose("user/model", ["config.json", "entropy.safetensors"])


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        (["README.md", "config.json"], "holds no weights; expected model.safetensors"),
        (["exp/model.safetensors"], "holds no weights"),
        (["model.safetensors"], "config.json is missing beside model.safetensors"),
        (["config.json", "a.safetensors", "b.safetensors"], "which of its weights are a codec's"),
        (["config.json", "a.th", "b.th"], "which of its weights"),
        (
            ["config.json", "model.safetensors.index.json", "model-00001.safetensors"],
            "in several parts",
        ),
    ],
)
def test_no_one_file(listing: list[str], message: str) -> None:
    with pytest.raises(UnknownModel, match=message):
        choose("user/model", listing)


def test_a_preferred_file_is_taken_if_it_is_there() -> None:
    listing = ["config.json", "model.safetensors", "pytorch_model.bin"]
    assert choose("u/m", listing, "pytorch_model.bin").weights == "pytorch_model.bin"
    assert choose("u/m", listing, "gone.bin").weights == "model.safetensors"


def test_the_table_is_sound() -> None:
    models = known_models()
    assert len({model.name for model in models}) == len(models) >= 10
    for model in models:
        assert re.fullmatch(r"[0-9a-f]{40}|main|refs/pr/\d+", model.revision), model.name
        assert len(model.frame_rates_hz) in (1, model.levels)
        rates = model.frame_rates_hz * (model.levels if len(model.frame_rates_hz) == 1 else 1)
        hop = model.rate_hz / model.frame_rates_hz[-1]
        assert hop == pytest.approx(round(hop), abs=1e-6), model.name
        bits = {"encodec": 11 if "32khz" in model.name else 10, "dac": 10, "mimi": 11, "snac": 12}
        top_kbps = sum(rates) * bits[model.family] / 1000
        assert max(model.bitrates_kbps) == pytest.approx(top_kbps, rel=0.02), model.name
        assert list(model.bitrates_kbps) == sorted(model.bitrates_kbps)
        assert model.code_licence and model.weights_licence
        assert ("--allow-pickle" in model.note) == is_pickle(model.weights)
        if model.weights_licence.startswith("CC-BY-4"):
            assert model.name.split("/")[1] in model.attribution and "CC BY" in model.attribution
        if "NC" in model.weights_licence:
            assert "not for commercial use" in model.note


def test_names_are_one_in_upper_and_lower_case() -> None:
    assert known_model("Kyutai/Mimi") is known_model("kyutai/mimi") is not None
    assert known_model("user/model") is None


def config(**values: object) -> bytes:
    return json.dumps(values).encode()


ENCODEC = config(model_type="encodec", sampling_rate=24000, upsampling_ratios=[8, 5, 4, 2])


def test_known_models_come_at_their_pinned_revision(hub: Any) -> None:
    """main may hold anything: the early revisions of these repositories are broken."""
    known = known_model("facebook/encodec_24khz")
    assert known is not None
    files = {"config.json": ENCODEC, "model.safetensors": b"weights", "pytorch_model.bin": b"x"}
    hub.add("facebook/encodec_24khz", {"config.json": config(ratios=[8, 5, 4, 2])})
    hub.repositories["facebook/encodec_24khz"].commits[known.revision] = files
    hub.blobs[hashlib.sha256(b"weights").hexdigest()] = b"weights"
    found = fetch("facebook/encodec_24khz")
    assert found.revision == known.revision and found.weights.read_bytes() == b"weights"
    hub.seen.clear()
    assert fetch("facebook/encodec_24khz") == found and hub.lines() == []


def test_the_safetensors_of_a_pull_request_are_preferred_to_a_pickle(hub: Any) -> None:
    files = {"config.json": config(encoder_rates=[2, 4, 8, 8], sampling_rate=24000, vq_strides=[4])}
    hub.add("hubertsiuzdak/snac_24khz", {**files, "pytorch_model.bin": b"pickle"})
    both = {**files, "pytorch_model.bin": b"pickle", "model.safetensors": b"weights"}
    request = hub.add("hubertsiuzdak/snac_24khz", both, "refs/pr/1")
    found = fetch("hubertsiuzdak/snac_24khz")
    assert (found.revision, found.weights.name) == (request, "model.safetensors")
    with pytest.raises(UnknownModel, match="--allow-pickle"):
        fetch("hubertsiuzdak/snac_24khz", revision="main")


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        (
            "descript/dac_44khz",
            {"model_type": "dac", "sampling_rate": 16000, "downsampling_ratios": [2, 4, 8, 8]},
            "says 16000 Hz instead of 44100: an early, broken revision",
        ),
        (
            "hubertsiuzdak/snac_44khz",
            {"sampling_rate": 44100, "encoder_rates": [3, 3, 7, 7], "vq_strides": [8, 4, 2, 1]},
            "its network has a hop of 441 samples: an early",
        ),
        (
            "facebook/encodec_32khz",
            {"model_type": "encodec", "sampling_rate": 32000, "ratios": [8, 5, 4, 4]},
            "has none of upsampling_ratios",
        ),
    ],
)
def test_early_revisions_are_refused_before_their_weights(
    hub: Any, name: str, table: dict[str, object], message: str
) -> None:
    known = known_model(name)
    assert known is not None
    hub.add(name, {"config.json": config(**table), known.weights: b"weights"})
    with pytest.raises(UnknownModel, match=message):
        fetch(name, allow_pickle=True)
    assert hub.lines("GET /cdn") == []


def test_a_hop_of_ones_own_choice_is_let_through(hub: Any) -> None:
    table = {"sampling_rate": 44100, "encoder_rates": [3, 3, 7, 7], "vq_strides": [8, 4, 2, 1]}
    files = {"config.json": config(**table), "pytorch_model.bin": b"weights"}
    first = hub.add("hubertsiuzdak/snac_44khz", files)
    assert fetch("hubertsiuzdak/snac_44khz", revision=first, allow_pickle=True).revision == first


def test_dac_declares_a_wrong_hop_and_is_fetched_all_the_same(hub: Any) -> None:
    table = {"model_type": "dac", "sampling_rate": 16000, "hop_length": 512}
    table |= {"downsampling_ratios": [2, 4, 5, 8]}
    hub.add("descript/dac_16khz", {"config.json": config(**table), "model.safetensors": b"w"})
    assert fetch("descript/dac_16khz").weights.read_bytes() == b"w"


def test_what_is_in_the_cache(hub: Any, tmp_path: Path) -> None:
    assert cached_models() == []
    ours = config(family="soundstream", codebook_size=16)
    hub.add("user/ours", {"config.json": ours, "model.safetensors": b"1234"})
    hub.add("user/else", {"config.json": config(model_type=""), "model.safetensors": b"5"})
    hub.add("user/theirs", {"config.json": ENCODEC, "model.safetensors": b"678"})
    for name in ("user/ours", "user/else", "user/theirs"):
        if name != "user/else":
            fetch(name)
    (tmp_path / "cache" / "models--a--b" / "snapshots" / "c").mkdir(parents=True)
    found = cached_models()
    assert [(m.name, m.weights_bytes) for m in found] == [("user/ours", 4), ("user/theirs", 3)]
    assert found == cached_models(tmp_path / "cache") and cached_models(tmp_path / "no") == []
