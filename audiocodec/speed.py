"""Ways to trade sameness for speed: bfloat16 products, and compiled networks. Off by default.

With either, the last bits of a sound may depend on the sizes of blocks and batches again, and so
may a code now and then: what layers/exact.py promises no longer holds.
"""

import os
import shutil
import sys
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from audiocodec.errors import AudioCodecError
from audiocodec.families.network import CodecNetwork
from audiocodec.layers.spectrum import hide_constants

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
"""What products may be computed in, by name."""


def in_precision(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Return a context in which products are computed in dtype, and all else as it was."""
    return nullcontext() if dtype is torch.float32 else torch.autocast(device.type, dtype)


def reduce_precision(network: CodecNetwork, dtype: torch.dtype) -> None:
    """Keep the weights of products in dtype, so that they need not be converted every time.

    Spectra and the search for codes stay in float32. Raises AudioCodecError for a network in whole
    numbers.
    """
    if dtype is torch.float32:
        return
    for half in _halves(network):
        for module in half.modules():
            weight = getattr(module, "weight", None)
            if isinstance(weight, nn.Parameter) and weight.ndim > 2:
                weight.data = weight.data.to(dtype)


def compile_network(network: CodecNetwork, *, backend: str = "inductor") -> None:
    """Compile encoder and decoder at their first use, by one of torch.compile's backends.

    Raises AudioCodecError as `reduce_precision`, and where inductor finds no C++ compiler.
    """
    halves = _halves(network)
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)
    if backend == "inductor" and shutil.which(compiler) is None:
        raise AudioCodecError(
            f"to compile a network takes a C++ compiler, and {compiler} is not there: install it, "
            f"name another by the variable CXX, or leave compile out"
        )
    hide_constants()
    for half in halves:
        half.compile(backend=backend)


def _halves(network: CodecNetwork) -> tuple[nn.Module, nn.Module]:
    from audiocodec.families.lyra import Lyra

    encoder, decoder = getattr(network, "encoder", None), getattr(network, "decoder", None)
    if not isinstance(encoder, nn.Module) or not isinstance(decoder, nn.Module):
        raise AudioCodecError("this network cannot be hastened; leave dtype and compile out")
    if isinstance(network, Lyra):
        raise AudioCodecError("Lyra computes in whole numbers; leave dtype and compile out")
    return encoder, decoder
