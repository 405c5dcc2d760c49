"""EnCodec in other packages' layouts: the public package's results, and what is refused."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import audiocodec
from audiocodec.errors import AudioCodecError, UnknownModel, WeightsMismatch
from audiocodec.families.encodec import Encodec, EncodecConfig
from audiocodec.families.weights.encodec import STEREO_48KHZ, config_of

GOLDEN = Path(__file__).parents[3] / "golden" / "families"


@pytest.mark.parametrize("kind", ["mono", "stereo"])
def test_codes_and_sound_are_those_of_transformers(kind: str) -> None:
    expected = load_file(GOLDEN / "encodec_expected.safetensors")
    codec = audiocodec.load(GOLDEN / f"encodec_{kind}")
    codes = codec.encode(expected[f"{kind}.wav"])
    np.testing.assert_array_equal(codes.indices, expected[f"{kind}.codes"].numpy())
    assert all(len(np.unique(codes.indices[:, level])) > 4 for level in range(codes.levels))
    torch.testing.assert_close(codec.decode(codes), expected[f"{kind}.sound"])
    if kind == "stereo":
        assert codes.scale is not None
        np.testing.assert_allclose(codes.scale, expected["stereo.scales"], rtol=1e-6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / "encodec_mono", tmp_path / "model"))


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    table = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in table.items() if v != "gone"}))


def refusal(folder: Path, error: type[AudioCodecError]) -> str:
    with pytest.raises(error) as caught:
        audiocodec.load(folder)
    message = str(caught.value)
    assert "\n" not in message and str(folder) in message
    return message


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (dict(upsampling_ratios=[4, 3]), r"layers\.\d+"),
        (dict(num_filters=4), "instead of"),
        (dict(use_conv_shortcut=False), "left over"),
        (dict(num_residual_layers=2), "missing"),
        (dict(target_bandwidths=[16.0]), "missing quantizer"),
    ],
)
def test_weights_of_another_shape_are_refused(
    folder: Path, changes: dict[str, Any], named: str
) -> None:
    change_config(folder, **changes)
    assert re.search(named, refusal(folder, WeightsMismatch))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (dict(hidden_size=1 << 30, codebook_dim=None), "latent_dim"),
        (dict(upsampling_ratios=[1 << 12] * 9), "over"),
        (dict(num_filters="many"), "filters"),
        (dict(upsampling_ratios="gone"), "upsampling_ratios"),
        (dict(upsampling_ratios="gone", ratios=[8, 5, 4, 2]), "revision"),
        (dict(trim_right_ratio=0.5), "trim_right_ratio"),
        (dict(codebook_dim=3), "codebook_dim"),
        (dict(pad_mode="replicate"), "replicate"),
        (dict(norm_type="batch_norm"), "batch_norm"),
        (dict(normalize=True), "segment"),
        (dict(sampling_rate=0), "sample_rate_hz"),
        (dict(target_bandwidths=[]), "target_bandwidths"),
        (dict(target_bandwidths=[1e300]), "levels"),
        (dict(chunk_length_s=1e300, overlap=0.1), "segment_samples"),
        (dict(codebook_size=-2), "codebook_size"),
        (dict(use_causal_conv="yes"), "causal"),
    ],
)
def test_configurations_that_make_no_network_are_refused(
    folder: Path, changes: dict[str, Any], named: str
) -> None:
    change_config(folder, **changes)
    assert named in refusal(folder, UnknownModel)


def test_an_old_configuration_has_a_shortcut(folder: Path) -> None:
    change_config(folder, use_conv_shortcut="gone")
    audiocodec.load(folder)


def test_weight_norm_in_its_older_spelling(folder: Path) -> None:
    wanted = audiocodec.load(folder).network
    tensors = load_file(folder / "model.safetensors")
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in tensors.items()
    }
    assert old.keys() != tensors.keys()
    save_file(old, folder / "model.safetensors")
    found = audiocodec.load(folder).network
    assert isinstance(wanted, Encodec) and isinstance(found, Encodec)
    for name, tensor in wanted.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor)


def test_configurations_of_the_hub() -> None:
    mono = dict(
        target_bandwidths=[1.5, 3.0, 6.0, 12.0, 24.0],
        sampling_rate=24_000,
        audio_channels=1,
        normalize=False,
        chunk_length_s=None,
        overlap=None,
        hidden_size=128,
        num_filters=32,
        num_residual_layers=1,
        upsampling_ratios=[8, 5, 4, 2],
        norm_type="weight_norm",
        kernel_size=7,
        last_kernel_size=7,
        residual_kernel_size=3,
        dilation_growth_rate=2,
        use_causal_conv=True,
        pad_mode="reflect",
        compress=2,
        num_lstm_layers=2,
        trim_right_ratio=1.0,
        codebook_size=1024,
        codebook_dim=128,
    )
    stereo = mono | dict(
        target_bandwidths=[3.0, 6.0, 12.0, 24.0],
        sampling_rate=48_000,
        audio_channels=2,
        normalize=True,
        chunk_length_s=1.0,
        overlap=0.01,
        norm_type="time_group_norm",
        use_causal_conv=False,
    )
    musicgen = mono | dict(
        target_bandwidths=[2.2],
        sampling_rate=32_000,
        num_filters=64,
        upsampling_ratios=[8, 5, 4, 4],
        use_causal_conv=False,
        use_conv_shortcut=False,
        codebook_size=2048,
    )
    assert config_of(mono) == EncodecConfig()
    assert config_of(stereo) == STEREO_48KHZ
    assert config_of(musicgen).spec.codebook_sizes == (2048,) * 4
    assert config_of(musicgen).spec.frame_rate_hz == 50


class Release:
    """Random tensors under the names of the encodec package: norms at 48 kHz, else weight norm."""

    def __init__(self, *, stereo: bool) -> None:
        self.stereo, self.tensors = stereo, dict[str, Tensor]()
        channels, widths = 1 + stereo, (32, 64, 128, 256, 512)
        self.conv("encoder.model.0", channels, 32, 7)
        self.conv("encoder.model.15", 512, 128, 7)
        self.conv("decoder.model.0", 128, 512, 7)
        self.conv("decoder.model.15", 32, channels, 7)
        self.lstm("encoder.model.13", "decoder.model.1")
        for block, stride in enumerate((2, 4, 5, 8)):
            narrow, wide = widths[block : block + 2]
            self.unit(f"encoder.model.{3 * block + 1}", narrow)
            self.conv(f"encoder.model.{3 * block + 3}", narrow, wide, 2 * stride)
            self.conv(f"decoder.model.{12 - 3 * block}", wide, narrow, 2 * stride, "convtr")
            self.unit(f"decoder.model.{13 - 3 * block}", narrow)
        for level in range(16 if stereo else 32):
            stem = f"quantizer.vq.layers.{level}._codebook"
            self.add(f"{stem}.inited", 1)
            self.add(f"{stem}.cluster_size", 1024)
            self.add(f"{stem}.embed", 1024, 128)
            self.add(f"{stem}.embed_avg", 1024, 128)

    def add(self, name: str, *shape: int) -> None:
        self.tensors[name] = torch.randn(shape)

    def conv(self, stem: str, inside: int, out: int, kernel: int, layer: str = "conv") -> None:
        first, second = (inside, out) if layer == "convtr" else (out, inside)
        weight = f"{stem}.{layer}.{layer}.weight"
        if self.stereo:
            self.add(weight, first, second, kernel)
            self.add(f"{stem}.{layer}.norm.weight", out)
            self.add(f"{stem}.{layer}.norm.bias", out)
        else:
            self.add(f"{weight}_g", first, 1, 1)
            self.add(f"{weight}_v", first, second, kernel)
        self.add(f"{stem}.{layer}.{layer}.bias", out)

    def unit(self, stem: str, width: int) -> None:
        self.conv(f"{stem}.block.1", width, width // 2, 3)
        self.conv(f"{stem}.block.3", width // 2, width, 1)
        self.conv(f"{stem}.shortcut", width, width, 1)

    def lstm(self, *stems: str) -> None:
        for stem in stems:
            for layer in range(2):
                for kind in ("ih", "hh"):
                    self.add(f"{stem}.lstm.weight_{kind}_l{layer}", 2048, 512)
                    self.add(f"{stem}.lstm.bias_{kind}_l{layer}", 2048)


@pytest.mark.parametrize("stereo", [False, True])
def test_a_checkpoint_of_the_release(tmp_path: Path, stereo: bool) -> None:
    tensors = Release(stereo=stereo).tensors
    file = tmp_path / "release.safetensors"
    save_file(tensors, file)
    network = audiocodec.load(file).network
    assert isinstance(network, Encodec)
    assert network.config == (STEREO_48KHZ if stereo else EncodecConfig())
    found = network.state_dict()
    assert torch.equal(
        found["quantizer.codebooks"][3], tensors["quantizer.vq.layers.3._codebook.embed"]
    )
    if stereo:
        assert torch.equal(
            found["decoder.layers.3.norm.weight"], tensors["decoder.model.3.convtr.norm.weight"]
        )
        assert torch.equal(
            found["encoder.layers.4.body.layers.1.conv.weight"],
            tensors["encoder.model.4.block.1.conv.conv.weight"],
        )
    else:
        g, v = (tensors[f"decoder.model.3.convtr.convtr.weight_{x}"] for x in "gv")
        wanted = g * v / v.square().sum(dim=(1, 2), keepdim=True).sqrt()
        torch.testing.assert_close(found["decoder.layers.3.weight"], wanted)


def test_what_a_checkpoint_of_the_release_lacks_is_named_as_there(tmp_path: Path) -> None:
    tensors = Release(stereo=True).tensors
    del tensors["encoder.model.4.shortcut.conv.norm.bias"]
    save_file(tensors, tmp_path / "release.safetensors")
    named = "missing encoder.model.4.shortcut.conv.norm.bias"
    assert named in refusal(tmp_path / "release.safetensors", WeightsMismatch)
