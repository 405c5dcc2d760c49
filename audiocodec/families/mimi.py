"""Mimi: a causal convolutional codec with transformers at its waist, at 12.5 frames a second.

Source: Moshi (arXiv 2410.00037), section 3.3; the convolutions are SEANet's (arXiv 2009.02095).
"""

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from audiocodec.layers.activation import ACTIVATIONS
from audiocodec.layers.attention import CausalTransformer, TransformerShape
from audiocodec.layers.push import (
    Pointwise,
    PushChain,
    PushConv1d,
    PushConvTranspose1d,
    PushLayer,
    PushResidual,
)
from audiocodec.layers.state import State
from audiocodec.quantize.split import SplitQuantizer
from audiocodec.spec import CodecSpec

from .network import CodecNetwork, Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class MimiConfig:
    """The shape of kyutai/mimi by default.

    channels: of the sound. filters: channels of the first convolution, doubled by every stride.
    strides: of the encoder's strided convolutions, in their order. residual_units: before each,
    the dilation of the n-th being dilation_base^n; their inner channels are 1 / compress of the
    outer ones. latent_stride: of the convolution behind the encoder's transformer.
    upsample_groups: of the transposed convolution that undoes it. window: positions that the
    transformers see. levels: semantic ones and acoustic ones together.
    end: how a sound that is no whole number of frames long is completed: "layers", every layer
    fills its own input up (transformers), or "sound", with silence (moshi).
    """

    sample_rate_hz: int = 24_000
    channels: int = 1
    filters: int = 64
    strides: tuple[int, ...] = (4, 5, 6, 8)
    residual_units: int = 1
    kernel: int = 7
    last_kernel: int = 3
    residual_kernel: int = 3
    dilation_base: int = 2
    compress: int = 2
    latent_dim: int = 512
    latent_stride: int = 2
    upsample_groups: int = 512
    transformer_layers: int = 8
    heads: int = 8
    head_dim: int = 64
    feedforward: int = 2048
    window: int = 250
    rotary_base: float = 10_000.0
    norm_epsilon: float = 1e-5
    codebook_dim: int = 256
    codebook_size: int = 2048
    levels: int = 32
    semantic_levels: int = 1
    end: str = "layers"

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no such network."""
        sizes = [
            *(self.sample_rate_hz, self.channels, self.filters, *self.strides, self.kernel),
            *(self.last_kernel, self.residual_kernel, self.dilation_base, self.compress),
            *(self.latent_dim, self.upsample_groups, self.codebook_dim, self.codebook_size),
        ]
        if min(sizes) < 1 or min(self.residual_units, self.transformer_layers) < 0:
            raise ValueError("positive sizes expected")
        if not self.strides or min(*self.strides, self.latent_stride) < 2:
            raise ValueError("strides of 2 or more expected")
        if self.end not in ("layers", "sound"):
            raise ValueError(f'end "layers" or "sound" expected, not {self.end!r}')
        if self.latent_dim % self.upsample_groups or self.filters % self.compress:
            raise ValueError("upsample_groups or compress do not divide their channels")

    @property
    def hop_samples(self) -> int:
        """Samples a frame."""
        return math.prod(self.strides) * self.latent_stride

    @property
    def transformer(self) -> TransformerShape:
        """The shape of both transformers. Raises ValueError."""
        return TransformerShape(
            channels=self.latent_dim,
            heads=self.heads,
            head_channels=self.head_dim,
            feedforward=self.feedforward,
            window=self.window,
            rotary_base=self.rotary_base,
            epsilon=self.norm_epsilon,
        )


class Elu(Pointwise):
    """x above 0, e^x - 1 below."""

    def compute(self, x: Tensor) -> Tensor:
        """Return y for x."""
        return ACTIVATIONS["elu"](x, 0.0)


def causal_conv(
    narrow: int, wide: int, kernel: int, *, stride: int = 1, dilation: int = 1
) -> PushConv1d:
    """Return a convolution that does not look ahead, and gives an output for every stride."""
    left = (kernel - 1) * dilation + 1 - stride
    return PushConv1d(
        narrow, wide, kernel=kernel, stride=stride, dilation=dilation, left=left, fill=True
    )


def units(config: MimiConfig, channels: int) -> list[PushLayer]:
    """Return the residual units of one width."""
    inner = channels // config.compress
    return [
        PushResidual(
            PushChain(
                [
                    Elu(),
                    causal_conv(
                        channels,
                        inner,
                        config.residual_kernel,
                        dilation=config.dilation_base**index,
                    ),
                    Elu(),
                    causal_conv(inner, channels, 1),
                ]
            )
        )
        for index in range(config.residual_units)
    ]


def build_encoder(config: MimiConfig) -> PushChain:
    """Return the convolutions [B, channels, T] to [B, D, T / stride of all]."""
    channels = config.filters
    layers: list[PushLayer] = [causal_conv(config.channels, channels, config.kernel)]
    for stride in config.strides:
        layers += [*units(config, channels), Elu()]
        layers.append(causal_conv(channels, 2 * channels, 2 * stride, stride=stride))
        channels *= 2
    return PushChain([*layers, Elu(), causal_conv(channels, config.latent_dim, config.last_kernel)])


def build_decoder(config: MimiConfig) -> PushChain:
    """Return the convolutions [B, D, T] to [B, channels, T x stride of all]."""
    channels = config.filters << len(config.strides)
    layers: list[PushLayer] = [causal_conv(config.latent_dim, channels, config.kernel)]
    for stride in reversed(config.strides):
        layers += [Elu(), causal_transposed(channels, channels // 2, stride)]
        channels //= 2
        layers += units(config, channels)
    return PushChain([*layers, Elu(), causal_conv(channels, config.channels, config.last_kernel)])


def causal_transposed(
    wide: int, narrow: int, stride: int, *, groups: int = 1, bias: bool = True
) -> PushConvTranspose1d:
    """Return a transposed convolution that gives `stride` outputs for every input."""
    return PushConvTranspose1d(
        wide, narrow, kernel=2 * stride, stride=stride, groups=groups, right=stride, bias=bias
    )


class Mimi(CodecNetwork):
    """The whole network, as `Codec` sees it."""

    config: MimiConfig

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.config = config
        dim, stride = config.latent_dim, config.latent_stride
        downsample = PushConv1d(
            dim,
            dim,
            kernel=2 * stride,
            stride=stride,
            left=stride,
            padding="replicate",
            fill=True,
            bias=False,
        )
        upsample = causal_transposed(dim, dim, stride, groups=config.upsample_groups, bias=False)
        layers = config.transformer_layers
        self.encoder = PushChain(
            [
                build_encoder(config),
                CausalTransformer(config.transformer, layers=layers),
                downsample,
            ]
        )
        self.quantizer = SplitQuantizer(
            latent_dim=dim,
            dim=config.codebook_dim,
            levels=config.levels,
            semantic_levels=config.semantic_levels,
            codebook_size=config.codebook_size,
        )
        self.decoder = PushChain(
            [upsample, CausalTransformer(config.transformer, layers=layers), build_decoder(config)]
        )

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        config = self.config
        return CodecSpec(
            sample_rate_hz=config.sample_rate_hz,
            channels=config.channels,
            hop_samples=config.hop_samples,
            codebook_sizes=(config.codebook_size,) * config.levels,
        )

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, C, T] to the codes of all its frames."""
        if self.config.end == "sound":
            wav = functional.pad(wav, (0, -wav.shape[-1] % self.config.hop_samples))
        latents, state = self.encoder(wav, state, last)
        return Encoded(self.quantizer.encode(latents, levels), state)

    def decode(
        self,
        indices: Tensor,
        *,
        state: State = None,
        last: bool = False,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Map indices [R, levels, F] to their sound [R, C, F hop_samples]."""
        wav, state = self.decoder(self.quantizer.decode(indices), state, last)
        return wav, state
