"""Codecs with a few thousand random parameters: the real code paths in milliseconds."""

import torch

from audiocodec.codec import Codec
from audiocodec.codes import ModelIdentity
from audiocodec.families.soundstream import SoundStream, SoundStreamConfig
from audiocodec.folder import hash_weights

TINY = SoundStreamConfig(
    sample_rate_hz=8000,
    patch_samples=8,
    stem_kernel=16,
    strides=(2,),
    encoder_channels=(4, 4),
    decoder_channels=(4, 4),
    unit_kernel=3,
    dilations=(1, 3),
    latent_dim=4,
    levels=3,
    codebook_size=16,
)
"""Hop 16 at 8 kHz: 500 frames a second of 3 x 4 bits, 6 kbps a channel."""

WIDE = SoundStreamConfig(
    patch_samples=24,
    stem_kernel=96,
    strides=(2, 5),
    encoder_channels=(48, 96, 192),
    decoder_channels=(48, 96, 192),
    unit_kernel=3,
    dilations=(1, 3),
    activation="leaky_relu",
    latent_dim=64,
    levels=4,
    codebook_size=256,
)
"""Wide enough for torch to use its blocked and threaded kernels; hop 240 at 24 kHz."""


def tiny_network(config: SoundStreamConfig = TINY, *, seed: int = 0) -> SoundStream:
    """Return a network in evaluation mode whose codes vary with the input, at all its levels."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = SoundStream(config)
        # Biases and codebooks begin at zero, which would hide mistakes.
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(parameter, std=0.1)
        network.quantizer.codebooks.normal_(std=0.5)
        for parameter in network.decoder.layers[-1].parameters():
            parameter.mul_(0.03)  # so that the sound stays below full scale
    return network.eval().requires_grad_(False)


def tiny_codec(config: SoundStreamConfig = TINY, *, seed: int = 0, name: str = "tiny") -> Codec:
    """Return a codec with an identity, as if it had been loaded."""
    network = tiny_network(config, seed=seed)
    identity = ModelIdentity(name, "", hash_weights(network.state_dict()))
    return Codec(network, identity=identity)
