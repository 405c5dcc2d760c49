"""Exported models: what torch computes, in onnxruntime, whole and step by step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError, MissingExtra, OutputExists, UnknownModel
from audiocodec.export import export_onnx
from audiocodec.families.soundstream import SoundStreamConfig
from audiocodec.files import decode_file, encode_file
from audiocodec.load import load

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

MakeCodec = Callable[..., Codec]
FILES = ["decoder.onnx", "decoder_step.onnx", "encoder.onnx", "encoder_step.onnx"]


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(shape) * 0.3).astype(np.float32)


@pytest.fixture(params=["learned", "elu depthwise groups", "spectrum"])
def codec(
    request: pytest.FixtureRequest, make_tiny_codec: MakeCodec, wide_config: SoundStreamConfig
) -> Codec:
    match request.param:
        case "learned":
            return make_tiny_codec()
        case "spectrum":
            return make_tiny_codec(replace(wide_config, stem="spectrum", stem_kernel=48))
        case _:
            config = replace(wide_config, activation="elu", depthwise=True, groups=2)
            return make_tiny_codec(replace(config, block_groups=(2, 3), head_groups=2))


def test_the_same_codes_and_sound(codec: Codec, tmp_path: Path) -> None:
    report = export_onnx(codec, tmp_path / "new")
    assert sorted(file.name for file in report.files) == FILES
    assert all(file.is_file() for file in report.files)
    assert min(report.equal, report.equal_by_steps) > 0.98
    assert min(report.near_db, report.near_by_steps_db) > 90
    other = load(tmp_path / "new", backend="onnx")
    assert (other.spec, other.identity) == (codec.spec, codec.identity)

    wav = noise(2, 5 * codec.spec.hop_samples * 7 + 11)
    codes = codec.encode(wav)
    encoder = other.stream_encoder(channels=2)
    cuts = np.split(wav, [1, 500, 501, 3000], axis=1)
    pushed = [*(encoder.push(cut).indices for cut in cuts), encoder.flush().indices]
    found = np.concatenate(pushed, axis=-1)
    assert found.shape == codes.indices.shape and (found == codes.indices).mean() > 0.98
    for levels in (1, 2, None):
        torch.testing.assert_close(
            other.decode(codes, levels=levels), codec.decode(codes, levels=levels)
        )


@pytest.mark.parametrize("samples", [1, 15, 16, 1000])
def test_whole_graphs_take_any_size(
    make_tiny_codec: MakeCodec, tmp_path: Path, samples: int
) -> None:
    codec = make_tiny_codec()
    export_onnx(codec, tmp_path)
    encoder = onnxruntime.InferenceSession(tmp_path / "encoder.onnx")
    decoder = onnxruntime.InferenceSession(tmp_path / "decoder.onnx")
    wav = noise(3, 1, samples)
    (codes,) = encoder.run(None, {"wav": wav})
    wanted = codec.encode(wav)
    assert codes.shape == wanted.indices.shape and (codes == wanted.indices).mean() > 0.98
    (sound,) = decoder.run(None, {"codes": wanted.indices.astype(np.int64)})
    np.testing.assert_allclose(sound[..., :samples], codec.decode(wanted).numpy(), atol=1e-5)


def test_files_through_onnx(tiny_codec: Codec, tmp_path: Path) -> None:
    export_onnx(tiny_codec, tmp_path)
    other = load(tmp_path, backend="onnx")
    raw = tmp_path / "in.raw"
    raw.write_bytes((noise(4000) * 32767).astype("<i2").tobytes())
    from audiocodec.audio.pcm import RawFormat

    encode_file(raw, tmp_path / "x.codes", codec=other, raw=RawFormat(8000, 1))
    report = decode_file(tmp_path / "x.codes", tmp_path / "by_torch.wav", codec=tiny_codec)
    assert report.samples == 4000 and report.gaps == ()
    assert decode_file(tmp_path / "x.codes", tmp_path / "b.wav", codec=other).samples == 4000
    assert other.encode(noise(0)).frames == 0


def test_what_cannot_be(tiny_codec: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownModel, match="needs the folder"):
        load(backend="onnx")
    with pytest.raises(UnknownModel, match="make it by `codec export`"):
        load(tmp_path, backend="onnx")
    with pytest.raises(AudioCodecError, match="runs on the CPU"):
        load(tmp_path, backend="onnx", dtype="bfloat16")
    export_onnx(tiny_codec, tmp_path)
    with pytest.raises(OutputExists):
        export_onnx(tiny_codec, tmp_path)
    other = load(tmp_path, backend="onnx")
    with pytest.raises(AudioCodecError, match="only the SoundStream family"):
        export_onnx(other, tmp_path / "again")
    (tmp_path / "decoder_step.onnx").write_bytes(b"no graph")
    with pytest.raises(UnknownModel, match="export it again"):
        load(tmp_path, backend="onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"audiocodec\[export\]"):
        export_onnx(tiny_codec, tmp_path / "again")
    with pytest.raises(MissingExtra, match=r"audiocodec\[export\]"):
        load(tmp_path, backend="onnx")


def test_two_models_in_one_folder_are_refused(
    tiny_codec: Codec, make_tiny_codec: MakeCodec, tmp_path: Path
) -> None:
    export_onnx(tiny_codec, tmp_path / "a")
    export_onnx(make_tiny_codec(seed=1), tmp_path / "b")
    (tmp_path / "b/decoder_step.onnx").replace(tmp_path / "a/decoder_step.onnx")
    with pytest.raises(UnknownModel, match="of two models"):
        load(tmp_path / "a", backend="onnx")


def test_a_graph_that_computes_something_else_is_found(
    make_tiny_codec: MakeCodec, tmp_path: Path
) -> None:
    """The check of the command compares with torch for real."""
    codec = make_tiny_codec()
    exact, calls = codec.encode, list[int]()

    def shifted(*words: object, **options: object) -> object:
        codes = exact(*words, **options)  # type: ignore[arg-type]
        calls.append(codes.frames)
        return replace(codes, indices=(codes.indices + 1) % 16)

    codec.encode = shifted  # type: ignore[method-assign, assignment]
    with pytest.raises(AudioCodecError, match="does not compute what torch does"):
        export_onnx(codec, tmp_path)
    assert calls
