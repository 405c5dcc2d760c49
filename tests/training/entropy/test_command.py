"""From a folder of sound and a model to tables: they pay, and what they code comes back."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from audiocodec.training.entropy import __main__ as command
from audiocodec.training.entropy.fit import LevelModel, Shape, Sight, units_of
from audiocodec.training.entropy.integers import round_level

import audiocodec
from audiocodec.bitstream import summary
from audiocodec.bitstream.context import Layer
from audiocodec.codec import Codec
from audiocodec.entropy_tables import FILE, tables_beside


@pytest.fixture
def model(tmp_path: Path, tiny_codec: Codec) -> Path:
    tiny_codec.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name in ("train/speech/a", "train/speech/b", "dev/speech/c"):
        wav = np.sin(np.arange(24_000) / 20) * np.repeat(generator.random(240), 100)
        path = tmp_path / "corpus" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.5 * wav, 8000)
    return tmp_path / "corpus"


@pytest.mark.parametrize("kind", ["static", "context"])
def test_tables_are_learnt_found_and_used(
    kind: str, model: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(model), "--corpus", str(corpus), "--kind", kind]
    assert command.main([*arguments, "--minutes", "0.1", "--seconds", "0.3"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "| level | speech |"
    assert said.out.splitlines()[-1] == str(model / FILE)
    codec = audiocodec.load(model)
    assert codec.identity is not None
    assert codec.tables is not None, "found beside the weights"
    assert tables_beside(model, codec.identity.weights_sha256) is not None
    wav = corpus / "dev" / "speech" / "c.wav"
    audiocodec.encode_file(wav, tmp_path / "coded.codes", codec=codec)
    audiocodec.encode_file(wav, tmp_path / "packed.codes", codec=codec, entropy=False)
    with (tmp_path / "coded.codes").open("rb") as file:
        found = summary(file)
    assert found.coded_chunks == found.chunks == 3
    assert found.layer_bytes < 0.9 * found.packed_bytes
    for name in ("coded", "packed"):
        audiocodec.decode_file(tmp_path / f"{name}.codes", tmp_path / f"{name}.wav", codec=codec)
    assert (tmp_path / "coded.wav").read_bytes() == (tmp_path / "packed.wav").read_bytes()


def test_tables_are_not_replaced_unless_asked(
    model: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model / FILE).write_bytes(b"")
    arguments = ["--model", str(model), "--corpus", str(corpus), "--kind", "static"]
    assert command.main([*arguments, "--minutes", "0.1"]) == 1
    assert "exists" in capsys.readouterr().err


def test_rounding_changes_little() -> None:
    torch.manual_seed(0)
    shape = Shape(dim=4, hidden=24, out=8)
    vectors = torch.randint(-127, 128, (16, 4)).float()
    codes = torch.randint(0, 16, (40, 20))
    sums = torch.randint(-200, 200, (40, 20, 4), dtype=torch.int16)
    sight = Sight(codes, sums, ((codes, vectors),), vectors)
    counts = torch.bincount(codes.flatten(), minlength=16)
    model = LevelModel(shape, vectors, counts, units_of(sight, shape))
    inputs = sight.inputs(torch.arange(40), shape)
    wanted = torch.log_softmax(model(inputs), dim=1) / np.log(2)
    whole = round_level(model, sight)
    parts = (whole.weights, whole.biases, whole.shifts)
    first, second, scores = (
        Layer(*(part[name].float().numpy() for part in parts))
        for name in ("first", "second", "scores")
    )
    # The last pass codes every other frame.
    x = inputs[:, 1::2].flatten(0, 1).numpy()
    hidden = first.finish(x @ first.weight.T + first.bias[4], low=0)
    middle = second.finish(hidden @ second.weight.T + second.bias, low=-255)
    found = torch.from_numpy(middle @ scores.weight.T + scores.bias)
    found *= 2.0 ** -scores.shift.max() / 64
    found = found - torch.logsumexp(found * np.log(2), dim=1, keepdim=True) / np.log(2)
    expected = wanted.reshape(40, 20, 16)[:, 1::2].flatten(0, 1)
    assert (found - expected).abs().mean() < 0.05
