"""Lyra's network: the same codes and sound for any cut, and only sensible configurations."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import audiocodec
from audiocodec import blocks
from audiocodec.codec import Codec
from audiocodec.errors import UnknownModel
from audiocodec.families.lyra import Lyra


@pytest.fixture(scope="module")
def codec(lyra_files: ModuleType) -> Codec:
    return Codec(lyra_files.tiny_lyra())


def wave(samples: int) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return np.random.default_rng(0).normal(0, 0.3, samples).astype(np.float32)


@given(cuts=st.lists(st.integers(0, 1600), max_size=8), levels=st.integers(1, 3))
@settings(deadline=None, max_examples=30)
def test_streams_give_the_offline_bits(cuts: list[int], levels: int, codec: Codec) -> None:
    wav = wave(1600)
    whole = codec.encode(wav, levels=levels)
    encoder = codec.stream_encoder(levels=levels)
    pieces = [encoder.push(part[None]).indices for part in np.split(wav, sorted(cuts))]
    indices = np.concatenate([*pieces, encoder.flush().indices], axis=-1)
    assert np.array_equal(indices, whole.indices)
    decoder = codec.stream_decoder()
    parts = np.split(indices, sorted(cut // 16 for cut in cuts), axis=-1)
    sound = np.concatenate([*(decoder.push(part) for part in parts), decoder.flush()], axis=-1)
    assert np.array_equal(sound[0, 0], codec.decode(whole).numpy())


def test_it_is_computed_in_pieces_of_its_own_size(
    lyra_files: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_FRAMES", 16)
    codec, pieces = Codec(lyra_files.tiny_lyra()), []
    layers = [codec.network.encoder, codec.network.decoder]  # type: ignore[attr-defined]
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, args: pieces.append(args[0].shape[-1]))
    codec.decode(codec.encode(wave(100 * 16)))
    assert pieces == [48 * 16, 48 * 16, 4 * 16, 48, 48, 4]


def test_codes_vary(codec: Codec) -> None:
    indices = codec.encode(wave(16000)).indices
    assert all(len(np.unique(indices[0, level])) == 4 for level in range(3))


def test_a_saved_model_makes_the_same_codes(codec: Codec, tmp_path: Path) -> None:
    codec.save(tmp_path / "model")
    loaded = audiocodec.load(tmp_path / "model")
    assert type(loaded.network) is Lyra
    assert loaded.network.config == codec.network.config  # type: ignore[attr-defined]
    expected = codec.encode(wave(4000))
    assert np.array_equal(loaded.encode(wave(4000)).indices, expected.indices)
    assert torch.equal(loaded.decode(expected), codec.decode(expected))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depthwise": False}, "depthwise units"),
        ({"activation": "elu"}, "leaky_relu"),
        ({"strides": (4,), "encoder_channels": (8, 16), "decoder_channels": (8, 16),
          "block_groups": (1,)}, "2 strides or more"),
        ({"encoder_scales": (0.0,)}, "0.0 is no scale"),
        ({"encoder_scales": (float("nan"),)}, "nan is no scale"),
        ({"decoder_zeros": (128,)}, "128 is no zero point"),
        ({"block_groups": (1,)}, "as many block_groups"),
    ],
)  # fmt: skip
def test_absurd_configurations_are_refused(
    changes: dict[str, object], message: str, lyra_files: ModuleType
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(lyra_files.TINY_LYRA, **changes)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
@pytest.mark.parametrize(("number", "message"), [(-1, "fewer grids"), (1, "more grids")])
def test_grids_are_counted(part: str, number: int, message: str, lyra_files: ModuleType) -> None:
    config = lyra_files.TINY_LYRA
    scales, zeros = getattr(config, f"{part}_scales"), getattr(config, f"{part}_zeros")
    scales, zeros = (*scales, 1.0)[: len(scales) + number], (*zeros, 0)[: len(zeros) + number]
    changed = replace(config, **{f"{part}_scales": scales, f"{part}_zeros": zeros})
    with pytest.raises(ValueError, match=message):
        Lyra(changed)
    with pytest.raises(ValueError, match="zero points"):
        Lyra(replace(config, **{f"{part}_scales": scales}))


def test_a_folder_with_such_a_configuration_is_an_error(codec: Codec, tmp_path: Path) -> None:
    codec.save(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"depthwise": true', '"depthwise": false'))
    with pytest.raises(UnknownModel, match="depthwise"):
        audiocodec.load(tmp_path)
