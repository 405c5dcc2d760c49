"""`load` finds folders, Hub names and devices, and never the network where it need not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import audiocodec
from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError, UnknownModel
from audiocodec.hub import Fetched, fetch

# The module `audiocodec.load` hides behind the function of that name, so names are patched by text.
EMBEDDED = Path(audiocodec.__file__).parent / "pretrained"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tiny_codec: Codec, tmp_path: Path) -> Path:
    tiny_codec.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def cache(folder: Path, tmp_path: Path) -> Path:
    """Return a Hub cache that holds user/model at one commit, which is its main branch."""
    repository = tmp_path / "cache" / "models--user--model"
    shutil.copytree(folder, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return tmp_path / "cache"


def decode_some(codec: Codec) -> torch.Tensor:
    wav = torch.linspace(-0.5, 0.5, 500)
    return codec.decode(codec.encode(wav))


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder(folder: Path, tiny_codec: Codec, kind: Callable[[Path], str | Path]) -> None:
    codec = audiocodec.load(kind(folder))
    assert codec.spec == tiny_codec.spec
    assert codec.identity is not None and codec.identity.name == "tiny"
    assert decode_some(codec).shape == (500,)
    again = audiocodec.load(folder)
    assert again.identity == codec.identity
    assert torch.equal(decode_some(codec), decode_some(again))


def test_a_relative_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert audiocodec.load("model").identity == audiocodec.load(folder).identity


@pytest.mark.skipif(
    not (EMBEDDED / "model.safetensors").exists(), reason="the embedded weights are not made yet"
)
def test_the_embedded_model_needs_no_name() -> None:
    codec = audiocodec.load()
    assert codec.identity is not None and len(codec.identity.weights_sha256) == 64


def test_a_cached_hub_name_needs_no_network(folder: Path, cache: Path) -> None:
    expected = audiocodec.load(folder).identity
    assert expected is not None
    for name, revision in (("user/model", None), (f"user/model@{COMMIT}", None)):
        codec = audiocodec.load(name, revision=revision, cache_dir=cache, local_files_only=True)
        assert codec.identity is not None
        assert codec.identity.name == "user/model"
        assert codec.identity.revision == COMMIT
        assert codec.identity.weights_sha256 == expected.weights_sha256


def test_the_revision_is_passed_on(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def pretend(name: str, **options: object) -> Fetched:
        revision = options["revision"]
        assert revision is None or isinstance(revision, str)
        asked.append((name, revision))
        folder = cache / "models--user--model" / "snapshots" / COMMIT
        return Fetched(folder, folder / "model.safetensors", COMMIT)

    monkeypatch.setitem(audiocodec.load.__globals__, "fetch", pretend)
    audiocodec.load("user/model@v1")
    audiocodec.load("user/model@v1", revision="v2")
    audiocodec.load("user/model")
    assert asked == [("user/model", "v1"), ("user/model", "v2"), ("user/model", None)]


def test_an_uncached_name_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel) as caught:
        audiocodec.load("user/model", cache_dir=tmp_path, local_files_only=True)
    message = str(caught.value)
    assert message.startswith("user/model: not in the local cache") and "\n" not in message


@pytest.mark.parametrize(
    "model", ["nowhere", "", "./no/folder", "a/b/c", "../x", "/no/such", Path("user/model")]
)
def test_what_is_neither_is_refused_without_the_network(
    model: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def never(*_: object, **__: object) -> Path:
        raise AssertionError("the Hub was asked")

    monkeypatch.setitem(audiocodec.load.__globals__, "fetch", never)
    with pytest.raises(UnknownModel) as caught:
        audiocodec.load(model)
    assert "\n" not in str(caught.value)


def test_devices(folder: Path) -> None:
    assert audiocodec.load(folder, device="cpu").device.type == "cpu"
    best = "cuda" if torch.cuda.is_available() else None
    best = best or ("mps" if torch.backends.mps.is_available() else "cpu")
    assert audiocodec.load(folder, device="auto").device.type == best
    with pytest.raises(AudioCodecError, match="device 'abacus' is not available here; usable: "):
        audiocodec.load(folder, device="abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_an_absent_device_is_refused(folder: Path) -> None:
    with pytest.raises(AudioCodecError, match="'cuda:1' is not available here; usable: auto"):
        audiocodec.load(folder, device="cuda:1")


def test_fetch_is_the_hubs(cache: Path) -> None:
    found = fetch("user/model", cache_dir=cache, local_files_only=True)
    assert found.folder == cache / "models--user--model" / "snapshots" / COMMIT
    assert (found.weights.name, found.revision) == ("model.safetensors", COMMIT)
