"""Models on disk: exact round trips, and one clear line for everything that is wrong."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError, UnknownModel, WeightsMismatch
from audiocodec.families.soundstream import SoundStream
from audiocodec.folder import hash_weights, load_folder, save_folder

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def network(tiny_codec: Codec) -> SoundStream:
    assert isinstance(tiny_codec.network, SoundStream)
    return tiny_codec.network


@pytest.fixture
def folder(network: SoundStream, tmp_path: Path) -> Path:
    save_folder(network, tmp_path / "model", family="soundstream", name="tiny")
    return tmp_path / "model"


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = {
        key: tensor.clone() for key, tensor in load_file(folder / "model.safetensors").items()
    }
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def refusal(folder: Path) -> AudioCodecError:
    """Return the error for a folder; its message is one line of reasonable length."""
    with pytest.raises(AudioCodecError) as caught:
        load_folder(folder)
    message = str(caught.value)
    assert "\n" not in message and str(folder) in message
    assert len(message) < len(str(folder)) + 300
    return caught.value


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.bfloat16])
def test_round_trip(network: SoundStream, tmp_path: Path, dtype: torch.dtype) -> None:
    saved = save_folder(network, tmp_path / "m", family="soundstream", name="x", dtype=dtype)
    loaded = load_folder(tmp_path / "m")
    assert loaded.identity == saved
    assert (saved.name, saved.revision, len(saved.weights_sha256)) == ("x", "", 64)
    assert loaded.network.config == network.config
    assert not loaded.network.training
    expected = network.state_dict()
    for key, tensor in loaded.network.state_dict().items():
        assert tensor.dtype == torch.float32 and not tensor.requires_grad
        assert torch.equal(tensor, expected[key].to(dtype).float()), key


def test_saving_again_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    loaded = load_folder(folder)
    again = save_folder(loaded.network, tmp_path / "again", family="soundstream", name="tiny")
    assert again == loaded.identity
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_what_was_made_is_kept(network: SoundStream, tmp_path: Path) -> None:
    made = {"recipe": "smoke", "steps": 7}
    save_folder(network, tmp_path, family="soundstream", name="x", made=made)
    assert json.loads((tmp_path / "config.json").read_text())["made"] == made
    load_folder(tmp_path)


def test_a_given_identity_wins(folder: Path) -> None:
    identity = load_folder(folder, name="user/model", revision="abc").identity
    assert (identity.name, identity.revision) == ("user/model", "abc")


def test_the_hash_follows_every_tensor(network: SoundStream) -> None:
    tensors = network.state_dict()
    hashes = {hash_weights(tensors)}
    for key, tensor in tensors.items():
        changed = tensor.clone()
        changed.view(-1)[-1] += 1
        hashes.add(hash_weights({**tensors, key: changed}))
    assert len(hashes) == len(tensors) + 1


def test_the_hash_follows_names_types_and_shapes_but_not_order() -> None:
    a, b = torch.arange(6.0), torch.ones(2)
    base = hash_weights({"a": a, "b": b})
    assert hash_weights({"b": b, "a": a}) == base
    others = [
        {"a": a, "c": b},
        {"a": a.view(2, 3), "b": b},
        {"a": a.view(torch.int32), "b": b},
        {"a": a},
    ]
    assert base not in {hash_weights(other) for other in others}
    assert len({hash_weights(other) for other in others}) == len(others)
    # Strides are no part of the value.
    wide = torch.stack([a, a], dim=1)[:, 0]
    assert hash_weights({"a": wide, "b": b}) == base


def test_a_flipped_bit_is_another_identity(folder: Path) -> None:
    before = load_folder(folder).identity
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert load_folder(folder).identity.weights_sha256 != before.weights_sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("quantizer.codebooks"), "missing quantizer.codebooks"),
        (lambda t: t.update(extra=torch.zeros(2)), "left over extra"),
        (
            lambda t: t.update({"quantizer.codebooks": torch.zeros(3, 16, 5)}),
            r"quantizer.codebooks is \(3, 16, 5\) instead of \(3, 16, 4\)",
        ),
        (
            lambda t: t.update({"quantizer.codebooks": torch.zeros(3, 16, 4, dtype=torch.int8)}),
            "quantizer.codebooks is int8 instead of floating point",
        ),
        (lambda t: t.clear(), "missing .*; missing .*; missing .* and [0-9]+ more"),
    ],
)
def test_other_tensors_are_refused(folder: Path, change: Change, message: str) -> None:
    change_weights(folder, change)
    error = refusal(folder)
    assert isinstance(error, WeightsMismatch)
    with pytest.raises(WeightsMismatch, match=message):
        load_folder(folder)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_truncated_weights_are_refused(folder: Path, share: float) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert isinstance(refusal(folder), WeightsMismatch)


def test_weights_that_are_none_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    for data in (b"PK\x03\x04" + bytes(100), struct.pack("<Q", 1 << 60) + bytes(100)):
        path.write_bytes(data)
        assert isinstance(refusal(folder), WeightsMismatch)
    path.unlink()
    assert isinstance(refusal(folder), WeightsMismatch)
    path.mkdir()
    assert isinstance(refusal(folder), WeightsMismatch)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "opus"}, "family is none of soundstream"),
        ({"family": None}, "family is none of"),
        ({"family": ["soundstream"]}, "family is none of"),
        ({"latent_dims": 4}, "unknown keys .*latent_dims"),
        ({"latent_dim": "4"}, "latent_dim is '4', like 512 expected"),
        ({"latent_dim": 4.0}, "latent_dim is 4.0, like 512 expected"),
        ({"latent_dim": True}, "latent_dim is True"),
        ({"strides": 2}, r"strides is 2, like \(3, 4, 5, 8\) expected"),
        ({"strides": ["x" * 10_000]}, "strides is"),
        ({"strides": [[2]]}, "strides is"),
        ({"activation": "relu"}, "activation is one of"),
        ({"latent_dim": -4}, "latent_dim is -4"),
        ({"latent_dim": 10**30}, "latent_dim is"),
        ({"latent_units": 10**9}, "latent_units is"),
        ({"dilations": [1] * 100_000}, "dilations lists 100000"),
        ({"levels": 1 << 20, "codebook_size": 1 << 20}, "over 1073741824 parameters"),
        ({"encoder_channels": [1 << 20, 1 << 20]}, "over 1073741824 parameters"),
        ({"sample_rate_hz": float("nan")}, "sample_rate_hz is nan"),
        ({str(i) * 20: 1 for i in range(1000)}, "unknown keys"),
    ],
)
def test_impossible_configurations_are_refused(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    change_config(folder, **changes)
    error = refusal(folder)
    assert isinstance(error, UnknownModel)
    with pytest.raises(UnknownModel, match=message):
        load_folder(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "a JSON object was expected"),
        ("null", "a JSON object was expected"),
        ('{"family": ' + "9" * 9_999 + "}", "not valid JSON"),
        ("\udcff", "not valid JSON"),
        (" " * (1 << 20) + "{}", "over 1048576 bytes"),
    ],
    ids=["empty", "open", "deep", "list", "null", "long number", "no text", "large"],
)
def test_what_is_no_configuration_is_refused(folder: Path, text: str, message: str) -> None:
    (folder / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    error = refusal(folder)
    assert isinstance(error, UnknownModel) and message in str(error)


def test_a_folder_without_configuration_is_no_model(folder: Path) -> None:
    (folder / "config.json").unlink()
    error = refusal(folder)
    assert isinstance(error, UnknownModel) and "cannot be read" in str(error)
    (folder / "config.json").mkdir()
    assert isinstance(refusal(folder), UnknownModel)
