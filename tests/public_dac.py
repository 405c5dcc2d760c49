"""DAC and SNAC networks of the public packages with random weights, saved as these packages do.

Weights keep the loudness of what flows through, so that codes vary and sound is not clipped.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import torch
from torch import Tensor, nn

TINY_DAC = dict(
    encoder_hidden_size=8,
    downsampling_ratios=[2, 3],
    decoder_hidden_size=64,
    n_codebooks=5,
    codebook_size=64,
    codebook_dim=4,
    sampling_rate=8000,
)
SMALLEST_DAC = TINY_DAC | dict(
    encoder_hidden_size=2, decoder_hidden_size=8, n_codebooks=3, codebook_size=16
)
"""A few kilobytes, for a golden file; hop 6."""
DAC_24 = dict(downsampling_ratios=[2, 4, 5, 8], n_codebooks=32, sampling_rate=24_000)
DAC_44 = dict(downsampling_ratios=[2, 4, 8, 8], n_codebooks=9, sampling_rate=44_100)
DAC_16 = DAC_24 | dict(n_codebooks=12, sampling_rate=16_000)

TINY_SNAC = dict(
    sampling_rate=8000,
    encoder_dim=16,
    encoder_rates=[2, 3],
    decoder_dim=128,
    decoder_rates=[3, 2],
    attn_window_size=6,
    codebook_size=64,
    codebook_dim=4,
    vq_strides=[4, 2, 1],
)
SMALLEST_SNAC = TINY_SNAC | dict(
    encoder_dim=2, decoder_dim=8, attn_window_size=None, codebook_size=16
)
SNAC_24 = dict(
    sampling_rate=24_000,
    encoder_dim=48,
    encoder_rates=[2, 4, 8, 8],
    latent_dim=768,
    decoder_dim=1024,
    decoder_rates=[8, 8, 4, 2],
    attn_window_size=None,
    codebook_size=4096,
    codebook_dim=8,
    vq_strides=[4, 2, 1],
    noise=True,
    depthwise=True,
)
SNAC_32 = SNAC_24 | dict(
    sampling_rate=32_000,
    encoder_dim=64,
    encoder_rates=[2, 3, 8, 8],
    latent_dim=None,
    decoder_dim=1536,
    decoder_rates=[8, 8, 3, 2],
    attn_window_size=32,
    vq_strides=[8, 4, 2, 1],
)


def noise(*shape: int, seed: int = 1) -> Tensor:
    """Return quiet noise."""
    return 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def randomise(network: nn.Module, seed: int = 0) -> None:
    """Fill all parameters so that loudness is kept."""
    generator = torch.Generator().manual_seed(seed)
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            _fill_convolution(layer, _loudness(name), generator)
        elif isinstance(layer, nn.Linear | nn.Embedding):
            random = torch.randn(layer.weight.shape, generator=generator)
            layer.weight.data = random / layer.weight.shape[1] ** 0.5
        elif isinstance(layer, nn.LayerNorm):
            layer.weight.data = 1 + 0.1 * torch.randn(layer.weight.shape, generator=generator)
            layer.bias.data = 0.1 * torch.randn(layer.bias.shape, generator=generator)
        elif hasattr(layer, "alpha"):
            layer.alpha.data = 0.5 + torch.rand(layer.alpha.shape, generator=generator)


def _fill_convolution(
    layer: nn.Conv1d | nn.ConvTranspose1d, loudness: float, generator: torch.Generator
) -> None:
    inputs = layer.in_channels // layer.groups * layer.kernel_size[0]
    if isinstance(layer, nn.ConvTranspose1d):
        inputs //= layer.stride[0]
    weight = torch.randn(layer.weight.shape, generator=generator) * loudness / inputs**0.5
    if hasattr(layer, "weight_v"):
        layer.weight_v.data = weight
        layer.weight_g.data = weight.flatten(1).norm(dim=1)[:, None, None]
    elif hasattr(layer, "parametrizations"):
        layer.weight = weight
    else:
        layer.weight.data = weight
    if layer.bias is not None:
        layer.bias.data = 0.05 * torch.randn(layer.bias.shape, generator=generator)


def _loudness(name: str) -> float:
    """Return by how much a layer makes what flows through louder."""
    if name == "decoder.conv2":
        return 0.1
    if "res_unit" in name and name.endswith("conv2") or name.endswith("linear"):
        return 0.3
    if name.endswith("block.3") and name.count("block") + name.count("model") == 3:
        return 0.3
    return 0.2 if "out_proj" in name else 1.0


def transformers_dac(folder: Path, **config: Any) -> Any:
    """Save transformers' model as transformers does, and return it."""
    transformers = import_module("transformers")
    model = transformers.DacModel(transformers.DacConfig(**config)).eval()
    randomise(model)
    model.save_pretrained(folder)
    return model


def release_package() -> Any:
    """Return the package `dac`, without the packages that it needs for training only."""
    if "dac" not in sys.modules:
        base = type("BaseModel", (nn.Module,), {"INTERN": [], "EXTERN": []})
        audiotools = MagicMock()
        audiotools.ml.BaseModel = base
        stubs = {"audiotools": audiotools, "audiotools.ml": audiotools.ml, "argbind": MagicMock()}
        stubs["audiotools.core"] = stubs["audiotools.core.util"] = MagicMock()
        missing = {name: stub for name, stub in stubs.items() if name not in sys.modules}
        sys.modules.update(missing)
        try:
            import_module("dac")
        finally:
            for name in missing:
                del sys.modules[name]
    return sys.modules["dac"]


def release_dac(file: Path, **arguments: Any) -> Any:
    """Save DAC's own model as its release is, a pickle, and return it."""
    model = release_package().DAC(**arguments).eval()
    randomise(model)
    model.decoder.model[-2].weight_g.data *= 0.1
    torch.save({"state_dict": model.state_dict(), "metadata": {"kwargs": arguments}}, file)
    return model


def snac(folder: Path, **arguments: Any) -> Any:
    """Save SNAC's model as on the Hub, a configuration and a pickle, and return it."""
    model = import_module("snac").SNAC(**arguments).eval()
    randomise(model)
    model.decoder.model[-2].parametrizations.weight.original0.data *= 0.1
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(arguments))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return model
