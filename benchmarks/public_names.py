"""Tensors of transformers by the names that other packages have for them."""

from collections.abc import Mapping

import torch
from torch import Tensor


def named_by_moshi(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return transformers' tensors by moshi's names.

    The channels of queries and keys are left as they are: the random weights mean nothing anyway.
    """
    layer = {
        "self_attn.o_proj": "self_attn.out_proj",
        "input_layernorm": "norm1",
        "post_attention_layernorm": "norm2",
        "mlp.fc1": "linear1",
        "mlp.fc2": "linear2",
        "self_attn_layer_scale": "layer_scale_1",
        "mlp_layer_scale": "layer_scale_2",
        "coder_transformer.layers": "coder_transformer.transformer.layers",
        "downsample.conv": "downsample.conv.conv.conv",
        "upsample.conv": "upsample.convtr.convtr.convtr",
        "quantizer.semantic_residual_vector_quantizer.layers": "quantizer.rvq_first.vq.layers",
        "quantizer.acoustic_residual_vector_quantizer.layers": "quantizer.rvq_rest.vq.layers",
        "quantizer.semantic_residual_vector_quantizer": "quantizer.rvq_first",
        "quantizer.acoustic_residual_vector_quantizer": "quantizer.rvq_rest",
        "codebook.initialized": "_codebook._initialized",
        "codebook.cluster_usage": "_codebook.cluster_usage",
        "codebook.embed_sum": "_codebook.embedding_sum",
    }
    named = {}
    for name, tensor in tensors.items():
        if "_proj.weight" in name and any(f".{x}_proj" in name for x in "qkv"):
            if ".q_proj" not in name:
                continue
            parts = [tensors[name.replace("q_proj", f"{x}_proj")] for x in "qkv"]
            name, tensor = name.replace("q_proj.weight", "in_proj_weight"), torch.cat(parts)
        if name.startswith(("encoder.layers.", "decoder.layers.")):
            twice = "convtr.convtr" if _is_transposed(name, tensor) else "conv.conv"
            name = name.replace(".layers.", ".model.", 1).replace(".conv.", f".{twice}.")
        for theirs, native in layer.items():
            name = name.replace(theirs, native)
        named[name] = tensor.contiguous()
    for name in [name for name in named if name.endswith("conv.conv.bias")]:
        # Whether transposed or not, a bias looks the same.
        sibling = name.replace("conv.conv.bias", "convtr.convtr.weight")
        if sibling in named:
            named[sibling.replace("weight", "bias")] = named.pop(name)
    return named


def _is_transposed(name: str, tensor: Tensor) -> bool:
    return name.startswith("decoder.layers.") and tensor.ndim == 3 and tensor.shape[2] % 2 == 0


def named_by_encodec(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return transformers' tensors of EnCodec by the encodec package's names."""
    named = {}
    for name, tensor in tensors.items():
        # Only the strided convolutions of the decoder are transposed: their kernels are even.
        sibling = name.rsplit(".conv.", 1)[0] + ".conv.parametrizations.weight.original1"
        transposed = ".conv." in name and _is_transposed(name, tensors[sibling])
        name = name.replace(".layers.", ".model.", 1) if "coder." in name else name
        name = name.replace(".conv.", ".convtr.convtr." if transposed else ".conv.conv.")
        name = name.replace("parametrizations.weight.original0", "weight_g")
        name = name.replace("parametrizations.weight.original1", "weight_v")
        name = name.replace("quantizer.layers", "quantizer.vq.layers")
        named[name.replace(".codebook.", "._codebook.")] = tensor
    return named
