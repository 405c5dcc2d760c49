"""SNAC's weights as its own package stores them."""

from audiocodec.families.network import CodecNetwork
from audiocodec.families.snac import Snac, SnacConfig

from .checkpoint import Checkpoint
from .dac import RELEASE
from .empty import empty_network
from .rules import Rule, translate
from .strict import fill
from .weight_norm import fold_weight_norm

RULES = (
    Rule(r"encoder\.layers\.(\d+)\.norm\.(weight|bias)", ("encoder.block.{0}.norm.{1}",)),
    Rule(r"decoder\.layers\.(\d+)\.norm\.(weight|bias)", ("decoder.model.{0}.norm.{1}",)),
    Rule(r"encoder\.layers\.(\d+)\.inputs\.weight", ("encoder.block.{0}.to_qkv.weight",)),
    Rule(r"decoder\.layers\.(\d+)\.inputs\.weight", ("decoder.model.{0}.to_qkv.weight",)),
    Rule(r"encoder\.layers\.(\d+)\.output\.weight", ("encoder.block.{0}.to_out.weight",)),
    Rule(r"decoder\.layers\.(\d+)\.output\.weight", ("decoder.model.{0}.to_out.weight",)),
    Rule(
        r"decoder\.layers\.(\d+)\.layers\.(\d+)\.linear\.weight",
        ("decoder.model.{0}.block.{1}.linear.weight",),
    ),
    *RELEASE,
)
"""SNAC's names: DAC's, and those of what DAC has not."""


def fits(checkpoint: Checkpoint) -> bool:
    """Tell whether a checkpoint is SNAC's; its configuration names no type."""
    return "vq_strides" in checkpoint.config and "model_type" not in checkpoint.config


def build(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the network of a checkpoint of SNAC."""
    config = checkpoint.config
    shape = SnacConfig(
        sample_rate_hz=int(config["sampling_rate"]),
        encoder_channels=int(config["encoder_dim"]),
        encoder_strides=tuple(int(stride) for stride in config["encoder_rates"]),
        decoder_channels=int(config["decoder_dim"]),
        decoder_strides=tuple(int(stride) for stride in config["decoder_rates"]),
        level_strides=tuple(int(stride) for stride in config["vq_strides"]),
        codebook_size=int(config["codebook_size"]),
        codebook_dim=int(config["codebook_dim"]),
        attention_window=int(config.get("attn_window_size", 32) or 0),
        depthwise=bool(config.get("depthwise", True)),
        noise=bool(config.get("noise", True)),
    )
    if (config.get("latent_dim") or shape.latent_dim) != shape.latent_dim:
        raise ValueError(f"latent_dim is {config['latent_dim']}, not {shape.latent_dim}")
    network = empty_network(Snac, shape)
    tensors = fold_weight_norm(checkpoint.tensors)
    ignored = r"(encoder\.block|decoder\.model)\.\d+\.rel_pos\.inv_freq"
    found = translate(network, tensors, RULES, ignored=ignored, source=checkpoint.source)
    fill(network, found, checkpoint.source)
    return network
