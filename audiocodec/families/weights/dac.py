"""DAC's weights as transformers stores them, and under the names of DAC's own release."""

from typing import Any

from audiocodec.families.dac import Dac, DacConfig
from audiocodec.families.network import CodecNetwork

from .checkpoint import Checkpoint
from .empty import empty_network
from .rules import Rule, translate
from .strict import fill
from .weight_norm import fold_weight_norm

_PART = r"(alpha|weight|bias)"
_SIDES = (("encoder", "encoder.block"), ("decoder", "decoder.model"))

QUANTIZER = (
    Rule(r"quantizer\.levels\.(\d+)\.codebook", ("quantizer.quantizers.{0}.codebook.weight",)),
    Rule(
        r"quantizer\.levels\.(\d+)\.(in|out)_proj\.(weight|bias)",
        ("quantizer.quantizers.{0}.{1}_proj.{2}",),
    ),
)
"""Of DAC in both layouts, and of SNAC."""

_UNIT = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}
"""Layers of a residual unit: transformers' names, which are ours, and their places."""

RELEASE = (
    *(
        Rule(
            rf"{side}\.layers\.(\d+)\.layers\.(\d+)\.{name}\.{_PART}",
            (f"{theirs}.{{0}}.block.{{1}}.block.{place}.{{2}}",),
        )
        for side, theirs in _SIDES
        for name, place in _UNIT.items()
    ),
    *(
        Rule(
            rf"{side}\.layers\.(\d+)\.layers\.(\d+)\.{_PART}",
            (f"{theirs}.{{0}}.block.{{1}}.{{2}}",),
        )
        for side, theirs in _SIDES
    ),
    *(
        Rule(rf"{side}\.layers\.(\d+)\.{_PART}", (f"{theirs}.{{0}}.{{1}}",))
        for side, theirs in _SIDES
    ),
    *QUANTIZER,
)
"""DAC's own names, which say where a layer stands and nothing else."""

_DOWN = {"res_unit1": 0, "res_unit2": 1, "res_unit3": 2, "snake1": 3, "conv1": 4}
_UP = {"snake1": 0, "conv_t1": 1, "res_unit1": 2, "res_unit2": 3, "res_unit3": 4}


def transformers_rules(config: DacConfig) -> tuple[Rule, ...]:
    """Return the table of renames of transformers, whose blocks are counted by themselves."""
    sides = (
        ("encoder", _DOWN, len(config.encoder_strides)),
        ("decoder", _UP, len(config.decoder_strides)),
    )
    rules = []
    for side, block, count in sides:
        ends = {"conv1": 0, "snake1": count + 1, "conv2": count + 2}
        rules += [_row(side, (place,), f"{side}.{name}") for name, place in ends.items()]
        for number in range(count):
            theirs = f"{side}.block.{number}"
            for name, place in block.items():
                ours = (number + 1, place)
                rules.append(_row(side, ours, f"{theirs}.{name}"))
                for inner in _UNIT:
                    rules.append(_row(side, ours, f"{theirs}.{name}.{inner}", inner))
    return (*rules, *QUANTIZER)


def _row(side: str, place: tuple[int, ...], theirs: str, inner: str = "") -> Rule:
    """Return the rule for the layer at a place, or for one in the residual unit there."""
    path = "".join(rf"\.layers\.{number}" for number in place)
    ours = f"{side}{path}" + (rf"\.{inner}" if inner else "")
    return Rule(f"{ours}\\.{_PART}", (f"{theirs}.{{0}}",))


def fits_transformers(checkpoint: Checkpoint) -> bool:
    """Tell whether a checkpoint is DAC as transformers stores it."""
    return checkpoint.config.get("model_type") == "dac" and not _has_own_names(checkpoint)


def build_transformers(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the network of a checkpoint of transformers."""
    config = checkpoint.config
    usual = DacConfig()
    down = _strides(config.get("downsampling_ratios", usual.encoder_strides))
    channels = int(config.get("encoder_hidden_size", usual.encoder_channels))
    shape = DacConfig(
        sample_rate_hz=int(config.get("sampling_rate", 16_000)),
        encoder_channels=channels,
        encoder_strides=down,
        # hop_length is wrong in some published files, and upsampling_ratios may be missing.
        decoder_strides=_strides(config.get("upsampling_ratios", down[::-1])),
        decoder_channels=int(config.get("decoder_hidden_size", usual.decoder_channels)),
        latent_dim=int(config.get("hidden_size", channels << len(down))),
        levels=int(config.get("n_codebooks", usual.levels)),
        codebook_size=int(config.get("codebook_size", usual.codebook_size)),
        codebook_dim=int(config.get("codebook_dim", usual.codebook_dim)),
    )
    return _filled(checkpoint, shape, transformers_rules(shape))


def fits_release(checkpoint: Checkpoint) -> bool:
    """Tell whether a checkpoint has the names of DAC's release, as parler-tts' has, too."""
    return "vq_strides" not in checkpoint.config and _has_own_names(checkpoint)


def build_release(checkpoint: Checkpoint) -> CodecNetwork:
    """Return the network of a checkpoint with the names of DAC's release.

    Its configuration: the arguments of DAC's class, or what parler-tts has instead, which leaves
    all to that class's defaults but the numbers of the quantizer.
    """
    config, usual = checkpoint.config, DacConfig()
    down = _strides(config.get("encoder_rates", usual.encoder_strides))
    channels = int(config.get("encoder_dim", usual.encoder_channels))
    levels = config["n_codebooks"] if "n_codebooks" in config else config["num_codebooks"]
    rate = config["sample_rate"] if "sample_rate" in config else config["sampling_rate"]
    dims = config.get("codebook_dim", usual.codebook_dim)
    if isinstance(dims, list) and len(set(dims)) == 1:
        dims = dims[0]
    shape = DacConfig(
        sample_rate_hz=int(rate),
        encoder_channels=channels,
        encoder_strides=down,
        decoder_strides=_strides(config.get("decoder_rates", usual.decoder_strides)),
        decoder_channels=int(config.get("decoder_dim", usual.decoder_channels)),
        latent_dim=int(config.get("latent_dim") or channels << len(down)),
        levels=int(levels),
        codebook_size=int(config.get("codebook_size", usual.codebook_size)),
        codebook_dim=int(dims),
    )
    return _filled(checkpoint, shape, RELEASE)


def _has_own_names(checkpoint: Checkpoint) -> bool:
    return any(
        "encoder.block.0.weight" in name.replace("parametrizations.", "")
        for name in checkpoint.tensors
    )


def _strides(value: Any) -> tuple[int, ...]:
    return tuple(int(stride) for stride in value)


def _filled(checkpoint: Checkpoint, config: DacConfig, rules: tuple[Rule, ...]) -> CodecNetwork:
    network = empty_network(Dac, config)
    tensors = fold_weight_norm(checkpoint.tensors)
    if all(name.startswith("model.") for name in tensors):
        tensors = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    found = translate(network, tensors, rules, ignored="", source=checkpoint.source)
    fill(network, found, checkpoint.source)
    return network
