"""Pickles: refused unless allowed, read as tensors only, converted once, by many at once too."""

import errno
import json
import multiprocessing
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import audiocodec
from audiocodec import unpickle as module
from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError, UnknownModel, WeightsMismatch
from audiocodec.pickles import converted
from audiocodec.unpickle import unpickle

STATE = OrderedDict(b=torch.arange(6.0).view(2, 3), a=torch.ones(4, dtype=torch.float16))


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (self.path, "w"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    torch.save(STATE, tmp_path / "model" / "pytorch_model.bin")
    return tmp_path / "model" / "pytorch_model.bin"


def inside(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / ".audiocodec" / "unpickled").glob("*"))


def test_tensors_come_out_as_they_were(source: Path, cache: Path) -> None:
    made = unpickle(source, cache_dir=cache)
    assert made.suffix == ".safetensors"  # nothing describes them
    found = load_file(made)
    assert sorted(found) == ["a", "b"]
    assert all(torch.equal(found[key], STATE[key]) for key in STATE)
    assert found["a"].dtype == torch.float16


def test_the_configuration_beside_it_comes_along(source: Path, cache: Path) -> None:
    source.with_name("config.json").write_text('{"vq_strides": [4, 2, 1]}')
    made = unpickle(source, cache_dir=cache)
    assert sorted(path.name for path in made.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((made / "config.json").read_text()) == {"vq_strides": [4, 2, 1]}
    source.with_name("config.json").write_text("{}")
    assert unpickle(source, cache_dir=cache) != made  # another configuration, another model


def test_arguments_in_the_file_become_the_configuration(tmp_path: Path, cache: Path) -> None:
    arguments = {"encoder_dim": 64, "encoder_rates": [2, 4], "latent_dim": None}
    contents = {"state_dict": dict(STATE), "metadata": {"kwargs": arguments}}
    torch.save(contents, tmp_path / "weights.pth")
    made = unpickle(tmp_path / "weights.pth", cache_dir=cache)
    assert json.loads((made / "config.json").read_text()) == arguments
    assert sorted(load_file(made / "model.safetensors")) == ["a", "b"]


def test_it_is_done_once(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert converted(source, cache) is None
    made = unpickle(source, cache_dir=cache)
    monkeypatch.setattr(torch, "load", None)  # opening it again would fail
    assert unpickle(source, cache_dir=cache) == made == converted(source, cache)
    assert len(inside(cache)) == 1


def test_views_of_one_storage_are_kept_apart(tmp_path: Path, cache: Path) -> None:
    whole = torch.arange(8.0)
    torch.save({"x": whole[:4], "y": whole, "z": whole[::2]}, tmp_path / "x.pt")
    found = load_file(unpickle(tmp_path / "x.pt", cache_dir=cache))
    assert found["z"].tolist() == [0, 2, 4, 6] and found["x"].tolist() == [0, 1, 2, 3]


def test_code_is_never_run(tmp_path: Path, cache: Path) -> None:
    sprung = tmp_path / "sprung"
    trap = Trap(str(sprung))
    torch.save({"a": torch.ones(1), "b": trap}, tmp_path / "new.bin")
    torch.save({"a": trap}, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.bin").write_bytes(pickle.dumps(trap))
    for name in ("new.bin", "old.bin", "bare.bin"):
        with pytest.raises(WeightsMismatch) as caught:
            unpickle(tmp_path / name, cache_dir=cache)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert not sprung.exists() and inside(cache) == []


@pytest.mark.parametrize(
    "contents",
    [
        [torch.ones(2)],
        {},
        {"a": 1},
        {"a": {"b": torch.ones(2)}},
        {1: torch.ones(2)},
        {"state_dict": {}},
        {"a": torch.ones(2).to_sparse()},
        {"a": torch.zeros(1).expand(1 << 31)},
        {"state_dict": {"a": torch.ones(1)}, "metadata": {"kwargs": {"x": torch.ones(1)}}},
    ],
    ids=["list", "empty", "number", "nested", "key", "no state", "sparse", "bomb", "arguments"],
)
def test_what_is_no_table_of_tensors_is_refused(
    contents: object, tmp_path: Path, cache: Path
) -> None:
    torch.save(contents, tmp_path / "x.bin")
    assert (tmp_path / "x.bin").stat().st_size < 10_000
    with pytest.raises(WeightsMismatch):
        unpickle(tmp_path / "x.bin", cache_dir=cache)
    assert inside(cache) == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_truncated_files_are_refused(source: Path, cache: Path, share: float) -> None:
    data = source.read_bytes()
    source.write_bytes(data[: int(share * len(data))])
    with pytest.raises(WeightsMismatch) as caught:
        unpickle(source, cache_dir=cache)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("old", [False, True])
def test_flipped_bytes_never_crash(tmp_path: Path, cache: Path, old: bool) -> None:
    """Damage is refused, or, in the numbers themselves, goes unseen: a pickle has no checksum."""
    path = tmp_path / "x.bin"
    torch.save(dict(STATE), path, _use_new_zipfile_serialization=not old)
    data = path.read_bytes()
    refused = 0
    for place in range(0, len(data), max(1, len(data) // 150)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :])
        try:
            unpickle(path, cache_dir=cache)
        except WeightsMismatch as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 20


def test_other_files_are_refused(tmp_path: Path, cache: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.bin", "w") as archive:
        archive.writestr("hello", "world")
    (tmp_path / "y.bin").write_bytes(b"<html>")
    (tmp_path / "z.bin").mkdir()
    for name in ("x.bin", "y.bin", "z.bin", "gone.bin"):
        with pytest.raises(WeightsMismatch):
            unpickle(tmp_path / name, cache_dir=cache)


def test_a_torch_that_runs_code_all_the_same_is_refused(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    with pytest.raises(AudioCodecError, match=r"torch 2.9.1\+cpu does not read pickles safely"):
        unpickle(source, cache_dir=cache)


def test_a_full_disk_leaves_nothing(
    source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(tensors: object, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "save_file", fill)
    with pytest.raises(AudioCodecError, match="the disk is full"):
        unpickle(source, cache_dir=cache)
    assert inside(cache) == [] and converted(source, cache) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_several_processes_at_once(source: Path, cache: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)

    def work() -> None:
        barrier.wait()
        made = unpickle(source, cache_dir=cache)
        os._exit(0 if sorted(load_file(made)) == ["a", "b"] else 1)

    processes = [context.Process(target=work) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(inside(cache)) == 1


@pytest.fixture
def pickled(tiny_codec: Codec, tmp_path: Path) -> Path:
    """A model of our own whose weights are a pickle."""
    folder = tmp_path / "pickled"
    tiny_codec.save(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def test_a_folder_with_a_pickle_needs_leave_once(pickled: Path, cache: Path) -> None:
    with pytest.raises(UnknownModel, match=r"pass --allow-pickle \(allow_pickle=True in Python\)"):
        audiocodec.load(pickled, cache_dir=cache)
    codec = audiocodec.load(pickled, cache_dir=cache, allow_pickle=True)
    assert audiocodec.load(pickled, cache_dir=cache).identity == codec.identity


def test_a_pickle_on_the_hub_needs_leave_once(
    hub: Any, pickled: Path, tmp_path: Path, make_tiny_codec: Callable[..., Codec]
) -> None:
    commit = hub.add_folder("user/model", pickled)
    with pytest.raises(UnknownModel) as caught:
        audiocodec.load("user/model")
    assert str(caught.value).startswith("user/model (pytorch_model.bin): weights that are there as")
    assert hub.lines("GET /cdn") == []
    codec = audiocodec.load("user/model", allow_pickle=True)
    assert codec.identity is not None
    assert (codec.identity.name, codec.identity.revision) == ("user/model", commit)
    assert len(list((tmp_path / "assets").rglob("model.safetensors"))) == 1
    assert audiocodec.load("user/model").identity == codec.identity
    assert audiocodec.load("user/model", local_files_only=True).identity == codec.identity
    make_tiny_codec(seed=1).save(pickled)  # the same repository, with other weights in a pickle
    torch.save(load_file(pickled / "model.safetensors"), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    hub.add_folder("user/model", pickled)
    with pytest.raises(UnknownModel, match="pickle only"):
        audiocodec.load("user/model")


def test_safetensors_beside_a_pickle_win(pickled: Path, tiny_codec: Codec) -> None:
    tiny_codec.save(pickled)
    (pickled / "pytorch_model.bin").write_bytes(b"never opened")
    assert audiocodec.load(pickled).spec == tiny_codec.spec
