"""bfloat16 and compiled networks: off by default, close, and never mistaken for the real ones."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError
from audiocodec.families.lyra import Lyra
from audiocodec.families.soundstream import SoundStreamConfig
from audiocodec.load import load
from audiocodec.speed import compile_network, reduce_precision

MakeCodec = Callable[..., Codec]


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(shape) * 0.3).astype(np.float32)


def difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Return the relative size of what is not alike."""
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("stem", ["learned", "spectrum"])
def test_bfloat16_is_close_and_no_more(
    make_tiny_codec: MakeCodec, wide_config: SoundStreamConfig, stem: str, tmp_path: Path
) -> None:
    kernel = 48 if stem == "spectrum" else wide_config.stem_kernel
    make_tiny_codec(replace(wide_config, stem=stem, stem_kernel=kernel)).save(tmp_path)
    exact, fast = load(tmp_path), load(tmp_path, dtype="bfloat16")
    wav = noise(2, 9000)
    codes, rough = exact.encode(wav), fast.encode(wav)
    assert rough.model == codes.model and rough.indices.shape == codes.indices.shape
    same = (rough.indices == codes.indices)[:, 0].mean()
    assert 0.9 < same <= 1
    back, wanted = fast.decode(codes), exact.decode(codes)
    assert back.dtype == torch.float32 and 0 < difference(back, wanted) < 0.05
    np.testing.assert_array_equal(exact.encode(wav).indices, codes.indices)


def test_lost_precision_is_not_saved(tiny_codec: Codec, tmp_path: Path) -> None:
    tiny_codec.save(tmp_path / "model")
    fast = load(tmp_path / "model", dtype="bfloat16")
    with pytest.raises(AudioCodecError, match="load without dtype"):
        fast.save(tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_other_types_are_refused(tiny_codec: Codec, tmp_path: Path) -> None:
    tiny_codec.save(tmp_path)
    with pytest.raises(AudioCodecError, match="'float16' is none of float32, bfloat16"):
        load(tmp_path, dtype="float16")  # type: ignore[arg-type]


def test_whole_numbers_stay_whole(lyra_files: ModuleType) -> None:
    network = Lyra(lyra_files.TINY_LYRA)
    with pytest.raises(AudioCodecError, match="whole numbers"):
        reduce_precision(network, torch.bfloat16)
    with pytest.raises(AudioCodecError, match="whole numbers"):
        compile_network(network)


def test_a_traced_network_says_the_same(
    make_tiny_codec: MakeCodec, wide_config: SoundStreamConfig
) -> None:
    """Without a C++ compiler: what torch.compile's tracing sees, run as it is."""
    config = replace(wide_config, stem="spectrum", stem_kernel=48)
    exact, traced = make_tiny_codec(config), make_tiny_codec(config)
    assert isinstance(traced.network, torch.nn.Module)
    compile_network(traced.network, backend="eager")  # type: ignore[arg-type]
    wav = noise(70 * 240)
    codes = exact.encode(wav)
    assert (traced.encode(wav).indices == codes.indices).mean() > 0.99
    assert difference(traced.decode(codes), exact.decode(codes)) < 1e-5
    torch._dynamo.reset()
