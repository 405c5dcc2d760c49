"""EnCodec's weights as transformers stores them, and as the authors released them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from audiocodec.families.encodec import Encodec, EncodecConfig
from audiocodec.families.network import CodecNetwork

from .checkpoint import Checkpoint
from .empty import empty_network
from .rules import Rule, translate
from .strict import fill
from .weight_norm import fold_weight_norm

PADDINGS = {"reflect": "reflect", "constant": "zeros"}
NORMS = {"weight_norm": "none", "time_group_norm": "time_group"}

# A layer in the trunk or in a residual unit is a convolution, or one with its norm.
_TRUNK = r"(\w+)\.layers\.(\d+)"
_CONV = r"(?:\.conv)?\.(weight|bias)"
_NORM = r"\.norm\.(weight|bias)"

TRANSFORMERS = (
    Rule(_TRUNK + _CONV, ("{0}.layers.{1}.conv.{2}",)),
    Rule(_TRUNK + _NORM, ("{0}.layers.{1}.norm.{2}",)),
    Rule(_TRUNK + r"\.body\.layers\.(\d+)" + _CONV, ("{0}.layers.{1}.block.{2}.conv.{3}",)),
    Rule(_TRUNK + r"\.body\.layers\.(\d+)" + _NORM, ("{0}.layers.{1}.block.{2}.norm.{3}",)),
    Rule(_TRUNK + r"\.shortcut" + _CONV, ("{0}.layers.{1}.shortcut.conv.{2}",)),
    Rule(_TRUNK + r"\.shortcut" + _NORM, ("{0}.layers.{1}.shortcut.norm.{2}",)),
    Rule(_TRUNK + r"\.body\.(\w+)", ("{0}.layers.{1}.lstm.{2}",)),
    Rule(r"quantizer\.codebooks", ("quantizer.layers.{n}.codebook.embed",), torch.stack),
)

_UP = r"decoder\.layers\.(3|6|9|12)"
RELEASE = (
    Rule(_UP + _CONV, ("decoder.model.{0}.convtr.convtr.{1}",)),
    Rule(_UP + _NORM, ("decoder.model.{0}.convtr.norm.{1}",)),
    Rule(_TRUNK + _CONV, ("{0}.model.{1}.conv.conv.{2}",)),
    Rule(_TRUNK + _NORM, ("{0}.model.{1}.conv.norm.{2}",)),
    Rule(_TRUNK + r"\.body\.layers\.(\d+)" + _CONV, ("{0}.model.{1}.block.{2}.conv.conv.{3}",)),
    Rule(_TRUNK + r"\.body\.layers\.(\d+)" + _NORM, ("{0}.model.{1}.block.{2}.conv.norm.{3}",)),
    Rule(_TRUNK + r"\.shortcut" + _CONV, ("{0}.model.{1}.shortcut.conv.conv.{2}",)),
    Rule(_TRUNK + r"\.shortcut" + _NORM, ("{0}.model.{1}.shortcut.conv.norm.{2}",)),
    Rule(_TRUNK + r"\.body\.(\w+)", ("{0}.model.{1}.lstm.{2}",)),
    Rule(r"quantizer\.codebooks", ("quantizer.vq.layers.{n}._codebook.embed",), torch.stack),
)

# What only training needs.
_IGNORED = r"quantizer\..*codebook\.(inited|cluster_size|embed_avg)"

STEREO_48KHZ = EncodecConfig(
    sample_rate_hz=48_000,
    channels=2,
    causal=False,
    norm="time_group",
    segment_samples=48_000,
    segment_stride=47_520,
    normalize=True,
    levels=16,
)


def is_transformers(checkpoint: Checkpoint) -> bool:
    """Tell whether this is EnCodec as transformers saves it."""
    return checkpoint.config.get("model_type") == "encodec"


def is_release(checkpoint: Checkpoint) -> bool:
    """Tell whether this is a checkpoint of the encodec package, which has no configuration."""
    return any(name.startswith("quantizer.vq.layers.") for name in checkpoint.tensors)


def build_transformers(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the filled network. Raises WeightsMismatch, ValueError, KeyError."""
    return _build(config_of(checkpoint.config), checkpoint, TRANSFORMERS)


def build_release(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the filled network of the 24 kHz model, or of that for 48 kHz, which has norms.

    Raises WeightsMismatch.
    """
    stereo = any(".norm." in name for name in checkpoint.tensors)
    return _build(STEREO_48KHZ if stereo else EncodecConfig(), checkpoint, RELEASE)


def config_of(table: Mapping[str, Any]) -> EncodecConfig:
    """Return our configuration for transformers' one.

    Raises ValueError for what makes no such network, KeyError for what is missing.
    """
    if "upsampling_ratios" not in table and "ratios" in table:
        raise ValueError(
            "its config.json has the keys of a first revision of June 2023; take a later revision"
        )
    if table.get("trim_right_ratio", 1.0) != 1.0:
        raise ValueError("trim_right_ratio is not 1")
    if table.get("codebook_dim") not in (None, table["hidden_size"]):
        raise ValueError("codebook_dim is not hidden_size")
    segment = stride = 0
    if table.get("chunk_length_s") is not None:
        segment = int(table["chunk_length_s"] * table["sampling_rate"])
        stride = max(1, int((1.0 - table["overlap"]) * segment))
    one_level = EncodecConfig(
        sample_rate_hz=table["sampling_rate"],
        channels=table["audio_channels"],
        filters=table["num_filters"],
        strides=tuple(reversed(table["upsampling_ratios"])),
        kernel=table["kernel_size"],
        last_kernel=table["last_kernel_size"],
        units=table["num_residual_layers"],
        unit_kernel=table["residual_kernel_size"],
        dilation_base=table["dilation_growth_rate"],
        compress=table["compress"],
        shortcut=table.get("use_conv_shortcut", True),
        lstm_layers=table["num_lstm_layers"],
        causal=table["use_causal_conv"],
        padding=PADDINGS.get(table["pad_mode"], str(table["pad_mode"])),
        norm=NORMS.get(table["norm_type"], str(table["norm_type"])),
        latent_dim=table["hidden_size"],
        segment_samples=segment,
        segment_stride=stride,
        normalize=table["normalize"],
        levels=1,
        codebook_size=table["codebook_size"],
    )
    if not table["target_bandwidths"]:
        raise ValueError("target_bandwidths is empty")
    # The number of levels is that of the highest bit rate.
    bits = math.ceil(math.log2(one_level.codebook_size))
    frame_rate = math.ceil(one_level.sample_rate_hz / one_level.hop_samples)
    levels = int(1000 * table["target_bandwidths"][-1] // (frame_rate * bits))
    return replace(one_level, levels=levels)


def _build(config: EncodecConfig, checkpoint: Checkpoint, rules: tuple[Rule, ...]) -> CodecNetwork:
    network = empty_network(Encodec, config)
    tensors = fold_weight_norm(checkpoint.tensors)
    source = checkpoint.source
    fill(network, translate(network, tensors, rules, ignored=_IGNORED, source=source), source)
    return network
