"""Mimi's weights as transformers and as moshi store them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from audiocodec.families.mimi import Mimi, MimiConfig
from audiocodec.families.network import CodecNetwork
from audiocodec.quantize.split import codebook

from .checkpoint import Checkpoint
from .empty import empty_network
from .rules import Rule, translate
from .strict import fill

FIXED: dict[str, object] = {
    "use_causal_conv": True,
    "pad_mode": "constant",
    "trim_right_ratio": 1.0,
    "hidden_act": "gelu",
    "attention_bias": False,
}
"""What transformers' configuration may vary, but no Mimi does."""

MOSHI_HEADS = 8
"""Of moshi's transformers; its file says nothing of them."""


def _stacked(tensors: list[Tensor]) -> Tensor:
    """Return matrices one below the other."""
    return torch.cat(tensors)


def _codebooks(tensors: list[Tensor]) -> Tensor:
    """Return the codebooks of sums and usages in turn."""
    pairs = zip(tensors[::2], tensors[1::2], strict=True)
    return torch.stack([codebook(sums, usage) for sums, usage in pairs])


def _halves(tensors: list[Tensor]) -> Tensor:
    """Return moshi's queries, keys and values with the rotated channels in halves, not in turn."""
    parts = tensors[0].chunk(3)
    inner, channels = parts[0].shape
    turned = [
        part.reshape(MOSHI_HEADS, -1, 2, channels).transpose(1, 2).reshape(inner, channels)
        for part in parts[:2]
    ]
    return torch.cat([*turned, parts[2]])


_CONVOLUTION = r"{0}\.layers\.{1}\.layers\.(\d+)\.(weight|bias)"
_UNIT = r"{0}\.layers\.{1}\.layers\.(\d+)\.body\.layers\.(\d+)\.(weight|bias)"
_SHORTCUT = r"{0}\.layers\.{1}\.layers\.(\d+)\.shortcut\.(weight|bias)"
_LAYER = r"(en|de)coder\.layers\.1\.layers\.(\d+)\."

TRANSFORMERS = (
    Rule(_CONVOLUTION.format("encoder", 0), ("encoder.layers.{0}.conv.{1}",)),
    Rule(_CONVOLUTION.format("decoder", 2), ("decoder.layers.{0}.conv.{1}",)),
    Rule(_SHORTCUT.format("encoder", 0), ("encoder.layers.{0}.shortcut.conv.{1}",)),
    Rule(_SHORTCUT.format("decoder", 2), ("decoder.layers.{0}.shortcut.conv.{1}",)),
    Rule(_UNIT.format("encoder", 0), ("encoder.layers.{0}.block.{1}.conv.{2}",)),
    Rule(_UNIT.format("decoder", 2), ("decoder.layers.{0}.block.{1}.conv.{2}",)),
    Rule(
        _LAYER + r"attention_norm\.(\w+)", ("{0}coder_transformer.layers.{1}.input_layernorm.{2}",)
    ),
    Rule(
        _LAYER + r"attention\.inputs\.weight",
        tuple(f"{{0}}coder_transformer.layers.{{1}}.self_attn.{x}_proj.weight" for x in "qkv"),
        _stacked,
    ),
    Rule(
        _LAYER + r"attention\.output\.weight",
        ("{0}coder_transformer.layers.{1}.self_attn.o_proj.weight",),
    ),
    Rule(
        _LAYER + "attention_scale",
        ("{0}coder_transformer.layers.{1}.self_attn_layer_scale.scale",),
    ),
    Rule(
        _LAYER + r"feedforward_norm\.(\w+)",
        ("{0}coder_transformer.layers.{1}.post_attention_layernorm.{2}",),
    ),
    Rule(_LAYER + r"widen\.weight", ("{0}coder_transformer.layers.{1}.mlp.fc1.weight",)),
    Rule(_LAYER + r"narrow\.weight", ("{0}coder_transformer.layers.{1}.mlp.fc2.weight",)),
    Rule(_LAYER + "feedforward_scale", ("{0}coder_transformer.layers.{1}.mlp_layer_scale.scale",)),
    Rule(r"encoder\.layers\.2\.weight", ("downsample.conv.weight",)),
    Rule(r"decoder\.layers\.0\.weight", ("upsample.conv.weight",)),
    Rule(
        r"quantizer\.(\w+)\.(in|out)put\.weight",
        ("quantizer.{0}_residual_vector_quantizer.{1}put_proj.weight",),
    ),
    Rule(
        r"quantizer\.(\w+)\.residual\.codebooks",
        (
            "quantizer.{0}_residual_vector_quantizer.layers.{n}.codebook.embed_sum",
            "quantizer.{0}_residual_vector_quantizer.layers.{n}.codebook.cluster_usage",
        ),
        _codebooks,
    ),
)

_MOSHI_LAYER = "{0}coder_transformer.transformer.layers.{1}."

MOSHI = (
    Rule(_CONVOLUTION.format("encoder", 0), ("encoder.model.{0}.conv.conv.{1}",)),
    Rule(_CONVOLUTION.format("decoder", 2), ("decoder.model.{0}.conv.conv.{1}",)),
    Rule(_SHORTCUT.format("encoder", 0), ("encoder.model.{0}.shortcut.conv.conv.{1}",)),
    Rule(_SHORTCUT.format("decoder", 2), ("decoder.model.{0}.shortcut.conv.conv.{1}",)),
    Rule(_UNIT.format("encoder", 0), ("encoder.model.{0}.block.{1}.conv.conv.{2}",)),
    Rule(_UNIT.format("decoder", 2), ("decoder.model.{0}.block.{1}.conv.conv.{2}",)),
    Rule(_LAYER + r"attention_norm\.(\w+)", (_MOSHI_LAYER + "norm1.{2}",)),
    Rule(
        _LAYER + r"attention\.inputs\.weight", (_MOSHI_LAYER + "self_attn.in_proj_weight",), _halves
    ),
    Rule(_LAYER + r"attention\.output\.weight", (_MOSHI_LAYER + "self_attn.out_proj.weight",)),
    Rule(_LAYER + "attention_scale", (_MOSHI_LAYER + "layer_scale_1.scale",)),
    Rule(_LAYER + r"feedforward_norm\.(\w+)", (_MOSHI_LAYER + "norm2.{2}",)),
    Rule(_LAYER + r"widen\.weight", (_MOSHI_LAYER + "linear1.weight",)),
    Rule(_LAYER + r"narrow\.weight", (_MOSHI_LAYER + "linear2.weight",)),
    Rule(_LAYER + "feedforward_scale", (_MOSHI_LAYER + "layer_scale_2.scale",)),
    Rule(r"encoder\.layers\.2\.weight", ("downsample.conv.conv.conv.weight",)),
    Rule(r"decoder\.layers\.0\.weight", ("upsample.convtr.conv.conv.weight",)),
    Rule(r"quantizer\.semantic\.(in|out)put\.weight", ("quantizer.rvq_first.{0}put_proj.weight",)),
    Rule(r"quantizer\.acoustic\.(in|out)put\.weight", ("quantizer.rvq_rest.{0}put_proj.weight",)),
    Rule(
        r"quantizer\.semantic\.residual\.codebooks",
        (
            "quantizer.rvq_first.vq.layers.{n}._codebook.embedding_sum",
            "quantizer.rvq_first.vq.layers.{n}._codebook.cluster_usage",
        ),
        _codebooks,
    ),
    Rule(
        r"quantizer\.acoustic\.residual\.codebooks",
        (
            "quantizer.rvq_rest.vq.layers.{n}._codebook.embedding_sum",
            "quantizer.rvq_rest.vq.layers.{n}._codebook.cluster_usage",
        ),
        _codebooks,
    ),
)

_MOSHI_SPELLINGS = {
    ".in_projs.0.weight": ".in_proj_weight",
    ".out_projs.0.weight": ".out_proj.weight",
    # Transposed or not is no matter of names.
    ".convtr.convtr.weight": ".conv.conv.weight",
    ".convtr.convtr.bias": ".conv.conv.bias",
}
"""What moshi writes -> names that say less."""


def is_transformers(checkpoint: Checkpoint) -> bool:
    """Tell a folder of transformers by its configuration."""
    return checkpoint.config.get("model_type") == "mimi"


def is_moshi(checkpoint: Checkpoint) -> bool:
    """Tell a file of moshi by the names of its tensors."""
    return any(name.endswith("._codebook.embedding_sum") for name in checkpoint.tensors)


def build_transformers(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the network of a checkpoint of transformers; raises as a `Layout` does."""
    config = transformers_config(checkpoint.config)
    return _built(config, checkpoint, checkpoint.tensors, TRANSFORMERS, r".*\.initialized")


def build_moshi(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the network of a file of moshi; raises as a `Layout` does."""
    tensors = dict(checkpoint.tensors)
    for name in checkpoint.tensors:
        for spelling, usual in _MOSHI_SPELLINGS.items():
            if name.endswith(spelling):
                tensors[name.removesuffix(spelling) + usual] = tensors.pop(name)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    return _built(moshi_config(shapes), checkpoint, tensors, MOSHI, r".*\._initialized")


def _built(
    config: MimiConfig,
    checkpoint: Checkpoint,
    tensors: Mapping[str, Tensor],
    rules: tuple[Rule, ...],
    ignored: str,
) -> CodecNetwork:
    network = empty_network(Mimi, config)
    ours = translate(network, tensors, rules, ignored=ignored, source=checkpoint.source)
    fill(network, ours, checkpoint.source)
    return network


def transformers_config(table: Mapping[str, Any]) -> MimiConfig:
    """Return our configuration for that of transformers, which leaves out what is as usual.

    Raises ValueError for what no Mimi is.
    """
    usual = MimiConfig()
    for key, value in FIXED.items():
        if table.get(key, value) != value:
            raise ValueError(f"{key} is {table[key]!r}, and only {value!r} is supported")
    number = _reader(table)
    heads, dim = number("num_attention_heads", usual.heads), number("hidden_size", 512)
    if number("num_key_value_heads", heads) != heads:
        raise ValueError("num_key_value_heads other than num_attention_heads is not supported")
    ratios = table.get("upsampling_ratios") or list(reversed(usual.strides))
    if not all(type(ratio) is int and ratio > 0 for ratio in ratios):
        raise ValueError(f"upsampling_ratios are {ratios!r}"[:100])
    codebook_dim = number("codebook_dim", usual.codebook_dim)
    if number("vector_quantization_hidden_dimension", codebook_dim) != codebook_dim:
        raise ValueError("vector_quantization_hidden_dimension is not codebook_dim")
    rate = number("sampling_rate", usual.sample_rate_hz)
    rope = table.get("rope_parameters") or table
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"rope_type {rope['rope_type']!r} is not supported")
    # Upstream derives the stride from rates, which are then 12.5 and 25 frames a second.
    inner_rate = math.ceil(rate / math.prod(ratios))
    frame_rate = table.get("frame_rate") or table.get("_frame_rate") or inner_rate / 2
    return MimiConfig(
        sample_rate_hz=rate,
        channels=number("audio_channels", usual.channels),
        filters=number("num_filters", usual.filters),
        strides=tuple(reversed(ratios)),
        units=number("num_residual_layers", usual.units),
        kernel=number("kernel_size", usual.kernel),
        last_kernel=number("last_kernel_size", usual.last_kernel),
        unit_kernel=number("residual_kernel_size", usual.unit_kernel),
        dilation_base=number("dilation_growth_rate", usual.dilation_base),
        compress=number("compress", usual.compress),
        shortcut=bool(table.get("use_conv_shortcut", usual.shortcut)),
        latent_dim=dim,
        latent_stride=int(inner_rate / float(frame_rate)),
        upsample_groups=number("upsample_groups", usual.upsample_groups),
        transformer_layers=number("num_hidden_layers", usual.transformer_layers),
        heads=heads,
        head_dim=number("head_dim", dim // heads),
        feedforward=number("intermediate_size", usual.feedforward),
        window=number("sliding_window", usual.window),
        rotary_base=float(rope.get("rope_theta", usual.rotary_base)),
        norm_epsilon=float(table.get("norm_eps", usual.norm_epsilon)),
        codebook_dim=codebook_dim,
        codebook_size=number("codebook_size", usual.codebook_size),
        levels=number("num_quantizers", usual.levels),
        semantic_levels=number("num_semantic_quantizers", usual.semantic_levels),
    )


def _reader(table: Mapping[str, Any]) -> Callable[[str, int], int]:
    def number(key: str, usual: int) -> int:
        value = table.get(key)
        if value is None:
            return usual
        if type(value) is not int or value < 0:
            raise ValueError(f"{key} is {str(value)[:40]}, and a number was expected")
        return value

    return number


def moshi_config(shapes: Mapping[str, tuple[int, ...]]) -> MimiConfig:
    """Return the configuration that the shapes of moshi's tensors tell.

    What they do not tell is as in kyutai's models: rates, heads, window, dilations.
    """
    usual = MimiConfig()
    convolutions = _numbered(shapes, "encoder.model.", ".conv.conv.weight")
    strided = [shapes[f"encoder.model.{n}.conv.conv.weight"] for n in convolutions[1:-1]]
    units = _numbered(shapes, "encoder.model.", ".block.1.conv.conv.weight")
    unit = shapes["encoder.model.1.block.1.conv.conv.weight"]
    filters, channels, kernel = shapes["encoder.model.0.conv.conv.weight"]
    dim, _, last_kernel = shapes[f"encoder.model.{convolutions[-1]}.conv.conv.weight"]
    down = shapes["downsample.conv.conv.conv.weight"]
    layers = "encoder_transformer.transformer.layers."
    levels = _numbered(shapes, "quantizer.rvq_rest.vq.layers.", "._codebook.embedding_sum")
    semantic = _numbered(shapes, "quantizer.rvq_first.vq.layers.", "._codebook.embedding_sum")
    size, codebook_dim = shapes["quantizer.rvq_first.vq.layers.0._codebook.embedding_sum"]
    return MimiConfig(
        sample_rate_hz=usual.sample_rate_hz,
        channels=channels,
        filters=filters,
        strides=tuple(shape[2] // 2 for shape in strided),
        units=len(units) // max(1, len(strided)),
        kernel=kernel,
        last_kernel=last_kernel,
        unit_kernel=unit[2],
        compress=filters // unit[0],
        shortcut="encoder.model.1.shortcut.conv.conv.weight" in shapes,
        latent_dim=dim,
        latent_stride=down[2] // 2,
        upsample_groups=dim // shapes["upsample.convtr.conv.conv.weight"][1],
        transformer_layers=len(_numbered(shapes, layers, ".norm1.weight")),
        heads=MOSHI_HEADS,
        head_dim=dim // MOSHI_HEADS,
        feedforward=shapes[layers + "0.linear1.weight"][0],
        codebook_dim=codebook_dim,
        codebook_size=size,
        levels=len(levels) + len(semantic),
        semantic_levels=len(semantic),
        end="sound",
    )


def _numbered(shapes: Mapping[str, tuple[int, ...]], begin: str, end: str) -> list[int]:
    """Return the numbers between begin and end in the names of tensors, in order."""
    names = [name for name in shapes if name.startswith(begin) and name.endswith(end)]
    numbers = (name.removeprefix(begin).removesuffix(end) for name in names)
    return sorted(int(number) for number in numbers if number.isdigit())
