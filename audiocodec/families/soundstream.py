"""SoundStream (arXiv 2107.03312): causal convolutional encoder, residual quantizer, decoder.

The paper's network has stem kernel 7 at full rate, units of a dilated k7 and a k1 convolution
with ELU, and channels that double with every stride. Three generalisations make light networks:
a *patch* stem, whose first convolution has a stride (the whole network then runs at 1 kHz and
less, as the production SoundStream's does), a *spectrum* in the place of learned first and last
layers, and *depthwise* units.
"""

import reprlib
from dataclasses import dataclass, fields
from itertools import pairwise
from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiocodec.layers.activation import ACTIVATIONS, Activation
from audiocodec.layers.causal import CausalConv1d, CausalConvTranspose1d
from audiocodec.layers.chain import Chain, Residual
from audiocodec.layers.quick_chain import QuickChain
from audiocodec.layers.spectrum import SpectrumHead, SpectrumStem
from audiocodec.layers.state import State
from audiocodec.quantize.residual import ResidualQuantizer
from audiocodec.spec import CodecSpec

from .network import CodecNetwork, Encoded

# Bounds for what a file may ask for, far above any sensible network.
_MAX_SIZE, _MAX_BLOCKS = 1 << 20, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundStreamConfig:
    """Everything that shapes the network; widths are listed from the waveform inwards.

    patch_samples: stride of the stem in samples (1: the paper's).
    stem_kernel: its kernel in samples, a multiple of the patch if that is over 1.
    stem: "learned" convolutions at both ends, or "spectrum": short-time spectra with a hop of
        one patch and a window of two (stem_kernel says the same), which delay by one patch.
    strides: of the encoder's blocks; the hop is patch_samples times their product.
    encoder_channels, decoder_channels: one width before every stride and one after the last.
    unit_kernel, dilations: the residual units of a block; depthwise: k on single channels
        between two k1 instead of a full convolution before one.
    negative_slope: of the activation "leaky_relu".
    block_groups: groups of every block's strided convolution and of the last k1 of its units,
        on both sides, from the waveform inwards; none listed: 1 everywhere.
    head_groups: groups of the two convolutions at the latents.
    trunk_activation: activations also outside of the units, before every strided convolution;
        without them the trunk is linear, and a light network starts to follow waveforms at once.
    latent_dim: D, what the quantizer sees. levels, codebook_size, groups: see the quantizer.
    """

    sample_rate_hz: int = 24_000
    patch_samples: int = 1
    stem_kernel: int = 7
    stem: str = "learned"
    strides: tuple[int, ...] = (3, 4, 5, 8)
    encoder_channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    decoder_channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    unit_kernel: int = 7
    dilations: tuple[int, ...] = (1, 3, 9)
    depthwise: bool = False
    activation: str = "elu"
    negative_slope: float = 0.2
    block_groups: tuple[int, ...] = ()
    head_groups: int = 1
    trunk_activation: bool = True
    latent_kernel: int = 3
    latent_units: int = 0
    latent_dim: int = 512
    levels: int = 8
    codebook_size: int = 1024
    groups: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no network, or an absurdly large one."""
        self._check_sizes()
        for widths in (self.encoder_channels, self.decoder_channels):
            if len(widths) != len(self.strides) + 1:
                raise ValueError(
                    f"{len(self.strides)} strides need {len(self.strides) + 1} channel widths, "
                    f"not {len(widths)}"
                )
        if self.stem_kernel % self.patch_samples:
            raise ValueError("stem_kernel must be a multiple of patch_samples")
        if self.stem not in {"learned", "spectrum"}:
            raise ValueError("stem is learned or spectrum")
        if self.stem == "spectrum" and self.stem_kernel != 2 * self.patch_samples:
            raise ValueError("a spectrum's stem_kernel is twice its patch_samples")
        if self.latent_dim % self.groups:
            raise ValueError("latent_dim must be a multiple of groups")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is one of {sorted(ACTIVATIONS)}")
        if not 0 <= self.negative_slope < 1:  # false for nan, too
            raise ValueError(f"negative_slope is {self.negative_slope}; 0 to 1 expected")
        if self.block_groups and len(self.block_groups) != len(self.strides):
            raise ValueError(
                f"{len(self.strides)} strides need as many block_groups or none, "
                f"not {len(self.block_groups)}"
            )

    def _check_sizes(self) -> None:
        for field in fields(SoundStreamConfig):  # those of a subclass are its own to check
            value = getattr(self, field.name)
            if isinstance(value, str | bool) or field.name == "negative_slope":
                continue
            least = {"latent_units": 0, "codebook_size": 2}.get(field.name, 1)
            most = _MAX_BLOCKS if field.name == "latent_units" else _MAX_SIZE
            sizes = value if isinstance(value, tuple) else (value,)
            if len(sizes) > _MAX_BLOCKS:
                raise ValueError(f"{field.name} lists {len(sizes)} numbers, over {_MAX_BLOCKS}")
            if not all(type(size) is int and least <= size <= most for size in sizes):
                raise ValueError(
                    f"{field.name} is {reprlib.repr(value)}; "
                    f"whole numbers from {least} to {most} expected"
                )
        reach = self.unit_kernel * max(self.dilations, default=1)
        if max(self.hop_samples, reach) > _MAX_SIZE:
            raise ValueError(f"a hop or a dilated kernel is longer than {_MAX_SIZE}")

    @property
    def hop_samples(self) -> int:
        """Samples a frame: the product of all strides."""
        return self.patch_samples * prod(self.strides)

    @property
    def delay_samples(self) -> int:
        """Samples by which the decoder's sound lags behind the encoder's."""
        return self.patch_samples if self.stem == "spectrum" else 0

    @property
    def groups_of_blocks(self) -> tuple[int, ...]:
        """One number of groups for every stride."""
        return self.block_groups or (1,) * len(self.strides)

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return CodecSpec(
            sample_rate_hz=self.sample_rate_hz,
            channels=1,
            hop_samples=self.hop_samples,
            codebook_sizes=(self.codebook_size,) * self.levels,
        )


def _activation(config: SoundStreamConfig) -> Activation:
    return Activation(config.activation, negative_slope=config.negative_slope)


def _unit(config: SoundStreamConfig, channels: int, dilation: int, *, groups: int = 1) -> Residual:
    """Return one residual unit: activation, convolution, activation, k1."""
    wide = CausalConv1d(
        channels,
        channels,
        kernel=config.unit_kernel,
        dilation=dilation,
        depthwise=config.depthwise,
    )
    narrow = CausalConv1d(channels, channels, kernel=1, groups=groups)
    # A small last layer lets a fresh network begin near the identity.
    with torch.no_grad():
        narrow.weight.mul_(0.3)
    body: list[nn.Module] = [_activation(config), wide]
    if config.depthwise:
        body += [CausalConv1d(channels, channels, kernel=1)]
    return Residual(Chain([*body, _activation(config), narrow]))


def _trunk(config: SoundStreamConfig) -> list[nn.Module]:
    return [_activation(config)] if config.trunk_activation else []


def _trunk_gain(config: SoundStreamConfig) -> float:
    return sqrt(2) if config.trunk_activation else 1.0


def _units(config: SoundStreamConfig, channels: int, groups: int) -> list[nn.Module]:
    return [_unit(config, channels, dilation, groups=groups) for dilation in config.dilations]


def _latent_units(config: SoundStreamConfig, channels: int) -> list[nn.Module]:
    return [_unit(config, channels, 1) for _ in range(config.latent_units)]


def _first(config: SoundStreamConfig, gain: float) -> nn.Module:
    """Return the layer from samples to the encoder's first width."""
    width, hop = config.encoder_channels[0], config.patch_samples
    if config.stem == "spectrum":
        return SpectrumStem(width, hop_samples=hop, gain=gain)
    return CausalConv1d(1, width, kernel=config.stem_kernel, stride=hop, gain=gain)


def _last(config: SoundStreamConfig, gain: float) -> nn.Module:
    """Return the layer from the decoder's last width to samples."""
    width, hop = config.decoder_channels[0], config.patch_samples
    if config.stem == "spectrum":
        return SpectrumHead(width, hop_samples=hop)
    if hop == 1:
        return CausalConv1d(width, 1, kernel=config.stem_kernel, gain=gain)
    return CausalConvTranspose1d(width, 1, kernel=config.stem_kernel, stride=hop, gain=gain)


def build_encoder(config: SoundStreamConfig) -> Chain:
    """Return the encoder: wav [B, 1, F hop] to latents [B, D, F]."""
    widths, gain = config.encoder_channels, _trunk_gain(config)
    layers: list[nn.Module] = [_first(config, gain)]
    groups = config.groups_of_blocks
    for stride, (narrow, wide), g in zip(config.strides, pairwise(widths), groups, strict=True):
        layers += _units(config, narrow, g)
        layers += _trunk(config)
        layers += [
            CausalConv1d(narrow, wide, kernel=2 * stride, stride=stride, groups=g, gain=gain)
        ]
    layers += _latent_units(config, widths[-1])
    layers += _trunk(config)
    head = CausalConv1d(
        widths[-1],
        config.latent_dim,
        kernel=config.latent_kernel,
        groups=config.head_groups,
        gain=gain,
    )
    return QuickChain([*layers, head])


def build_decoder(config: SoundStreamConfig) -> Chain:
    """Return the decoder, the encoder's mirror: latents [B, D, F] to wav [B, 1, F hop]."""
    widths, gain = config.decoder_channels[::-1], _trunk_gain(config)
    head = CausalConv1d(
        config.latent_dim,
        widths[0],
        kernel=config.latent_kernel,
        groups=config.head_groups,
        gain=gain,
    )
    layers: list[nn.Module] = [head]
    layers += _latent_units(config, widths[0])
    blocks = zip(config.strides[::-1], pairwise(widths), config.groups_of_blocks[::-1], strict=True)
    for stride, (wide, narrow), g in blocks:
        layers += _trunk(config)
        layers += [
            CausalConvTranspose1d(
                wide, narrow, kernel=2 * stride, stride=stride, groups=g, gain=gain
            )
        ]
        layers += _units(config, narrow, g)
    layers += _trunk(config)
    return QuickChain([*layers, _last(config, gain)])


class SoundStream(CodecNetwork):
    """The whole network, as `Codec` and the trainer see it."""

    config: SoundStreamConfig

    def __init__(self, config: SoundStreamConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config)
        self.quantizer = ResidualQuantizer(
            dim=config.latent_dim,
            levels=config.levels,
            codebook_size=config.codebook_size,
            groups=config.groups,
        )
        self.decoder = build_decoder(config)

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return self.config.spec

    @property
    def delay_samples(self) -> int:
        """Samples by which the decoder's sound lags behind the encoder's."""
        return self.config.delay_samples

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, 1, T] to the indices [R, levels, F] of its frames; see `Network`.

        T is a multiple of the hop. The last piece may have any length: silence fills it up, and
        goes on until the decoder, which may lag, has given the sound's last sample.
        """
        if last and (state is not None or wav.shape[-1]):
            late = self.delay_samples
            wav = functional.pad(wav, (0, late + -(wav.shape[-1] + late) % self.spec.hop_samples))
        if wav.shape[-1] == 0:  # as at the end of a stream of whole frames
            return Encoded(wav.new_zeros(len(wav), levels, 0, dtype=torch.long), state)
        latents, after = self.encoder(wav, state)
        return Encoded(self.quantizer.encode(latents, levels), after)

    def decode(
        self,
        indices: Tensor,
        *,
        state: State = None,
        last: bool = False,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Map indices [R, levels, F] to wav [R, 1, F hop]; return it and the state after."""
        if indices.shape[-1] == 0:  # as at the end of a stream: nothing was held back
            return self.quantizer.codebooks.new_zeros(len(indices), 1, 0), state
        wav, after = self.decoder(self.quantizer.decode(indices), state)
        return wav, after
