"""Mimi networks of transformers and of moshi with random weights, saved as these packages do.

Weights keep the loudness of what flows through, and codebooks fit what they quantize, so that
codes vary and no level is idle, as in trained ones.
"""

import copy
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

TINY_TRANSFORMERS = dict(
    sampling_rate=9600,
    num_filters=4,
    hidden_size=32,
    upsampling_ratios=[4, 3, 2, 2],
    codebook_size=64,
    codebook_dim=16,
    vector_quantization_hidden_dimension=16,
    num_quantizers=5,
    num_hidden_layers=2,
    intermediate_size=64,
    num_attention_heads=4,
    num_key_value_heads=4,
    upsample_groups=32,
)
"""Hop 96, and everything else small; the window is still 250."""

SMALLEST_TRANSFORMERS = TINY_TRANSFORMERS | dict(
    num_filters=2,
    hidden_size=8,
    upsampling_ratios=[3, 2],
    codebook_size=16,
    codebook_dim=4,
    vector_quantization_hidden_dimension=4,
    num_quantizers=3,
    num_hidden_layers=1,
    intermediate_size=16,
    num_attention_heads=2,
    num_key_value_heads=2,
    upsample_groups=8,
    sliding_window=6,
)
"""A few kilobytes, for a golden file; hop 12."""

TINY_MOSHI = dict(
    seanet=dict(dimension=32, n_filters=4),
    quantizer=dict(dimension=16, n_q=5, bins=64, input_dimension=32, output_dimension=32),
    transformer=dict(
        d_model=32, num_layers=2, dim_feedforward=64, input_dimension=32, output_dimensions=[32]
    ),
)
"""Hop 1920, as moshi has it."""

SMALLEST_MOSHI = dict(
    frame_rate=24_000 / 12,
    seanet=dict(dimension=16, n_filters=2, ratios=[3, 2]),
    quantizer=dict(dimension=4, n_q=3, bins=16, input_dimension=16, output_dimension=16),
    transformer=dict(
        d_model=16, num_layers=1, dim_feedforward=16, input_dimension=16, output_dimensions=[16]
    ),
)
"""A few kilobytes, for a golden file; hop 12."""


def noise(*shape: int, seed: int = 1) -> Tensor:
    """Return quiet noise."""
    return 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def randomise(network: nn.Module, generator: torch.Generator) -> None:
    """Fill all parameters so that loudness is kept."""
    for name, parameter in network.named_parameters():
        random = torch.randn(parameter.shape, generator=generator)
        if name.endswith("scale"):
            parameter.data = 0.05 + 0.3 * random.abs()
        elif "norm" in name:
            parameter.data = 0.1 * random + float(name.endswith("weight"))
        elif parameter.ndim == 3:
            # Kernels of transposed convolutions are even, and twice their stride.
            transposed = name.startswith(("decoder", "upsample")) and parameter.shape[2] % 2 == 0
            terms = 2 * parameter.shape[0] if transposed else parameter[0].numel()
            terms = 2 if parameter.shape[1] == 1 and transposed else terms
            gain = 0.9 if name.startswith("decoder") else 1.2
            parameter.data = random * gain * terms**-0.5
        else:
            parameter.data = random * (0.1 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5)


def fit_codebooks(quantizer: Any, latents: Tensor, generator: torch.Generator) -> None:
    """Fill the codebooks of one residual quantizer as large as what reaches them."""
    rest = quantizer.input_proj(latents).transpose(1, 2).flatten(0, 1)
    layers = quantizer.vq.layers if hasattr(quantizer, "vq") else quantizer.layers
    for layer in layers:
        codebook = layer._codebook if hasattr(layer, "_codebook") else layer.codebook
        sums = codebook.embedding_sum if hasattr(codebook, "embedding_sum") else codebook.embed_sum
        usage = 0.5 + 5 * torch.rand(len(sums), generator=generator)
        usage[0] = 1e-7  # below what the packages clamp it to
        random = torch.randn(sums.shape, generator=generator)
        vectors = rest.mean(dim=0) + rest.std(dim=0) * random
        vectors[0] *= 0.01
        codebook.cluster_usage.copy_(usage)
        sums.copy_(vectors * usage.clamp(min=1e-5)[:, None])
        chosen = torch.cdist(rest, vectors).argmin(dim=1)
        rest = rest - vectors[chosen]


@torch.no_grad()
def transformers_mimi(folder: Path, *, seed: int = 0, **config: Any) -> Any:
    """Return a `MimiModel` of transformers after saving it in a folder."""
    transformers: Any = import_module("transformers")
    model = transformers.MimiModel(transformers.MimiConfig(**config)).eval()
    generator = torch.Generator().manual_seed(seed)
    randomise(model, generator)
    latents = model.encoder(noise(1, 1, 40 * hop_of(model))).latents
    quantizer = model.quantizer
    for part in (
        quantizer.semantic_residual_vector_quantizer,
        quantizer.acoustic_residual_vector_quantizer,
    ):
        fit_codebooks(part, latents, generator)
    model.save_pretrained(folder)
    return model


@torch.no_grad()
def moshi_mimi(file: Path, *, seed: int = 0, **config: Any) -> Any:
    """Return a `MimiModel` of moshi after saving it as one file, by the names of kyutai's."""
    loaders: Any = import_module("moshi.models.loaders")
    table = copy.deepcopy(loaders._mimi_config)
    for key, value in config.items():
        table[key] = table[key] | value if isinstance(value, dict) else value
    generator = torch.Generator().manual_seed(seed)
    model = loaders.get_mimi(None, table, num_codebooks=table["quantizer"]["n_q"])
    randomise(model, generator)
    latents = model._encode_to_unquantized_latent(noise(1, 1, 40 * model.frame_size))
    for part in (model.quantizer.rvq_first, model.quantizer.rvq_rest):
        fit_codebooks(part, latents, generator)
    published = {".in_projs.0.weight": ".in_proj_weight", ".out_projs.0.weight": ".out_proj.weight"}
    tensors = {}
    for name, tensor in model.state_dict().items():
        for today, then in published.items():
            name = name.replace(today, then)
        tensors[name] = tensor.contiguous()
    save_file(tensors, file)
    return model


def hop_of(model: Any) -> int:
    """Return the samples a frame of a model of transformers."""
    return int(model.config.frame_size)
