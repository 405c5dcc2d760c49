"""Mimi: a causal convolutional codec with transformers at its waist, at 12.5 frames a second.

Source: Moshi (arXiv 2410.00037), section 3.3; the convolutions are SEANet's (arXiv 2009.02095).
"""

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from audiocodec.layers.attention import CausalTransformer, TransformerShape
from audiocodec.layers.push import PushChain, PushConv1d, PushConvTranspose1d
from audiocodec.layers.state import State
from audiocodec.quantize.split import SplitQuantizer
from audiocodec.spec import CodecSpec

from .network import CodecNetwork, Encoded
from .seanet import SeanetConfig, build_decoder, build_encoder, check_sizes

_MAX_LAYERS = 256
TILE_SAMPLES = 7680
"""Samples at the waveform that go through its neighbours at once; 4 of kyutai/mimi's frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MimiConfig(SeanetConfig):
    """Everything that shapes the network; the defaults are kyutai/mimi's.

    latent_stride: of the convolution behind the encoder's transformer.
    upsample_groups: of the transposed convolution that undoes it.
    transformer_layers, heads, head_dim, feedforward, window, rotary_base, norm_epsilon: of both
        transformers; window is how many columns one sees.
    levels: semantic ones and acoustic ones together.
    end: how a sound that is no whole number of frames long is completed: "layers", every layer
        fills its own input up (as transformers does), or "sound", with silence (as moshi does).
    """

    sample_rate_hz: int = 24_000
    filters: int = 64
    strides: tuple[int, ...] = (4, 5, 6, 8)
    last_kernel: int = 3
    shortcut: bool = False
    lstm_layers: int = 0
    padding: str = "zeros"
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
        """Raise ValueError for numbers that make no network, or an absurdly large one."""
        SeanetConfig.__post_init__(self)  # slots=True makes a new class, which super() misses
        for name in ("sample_rate_hz", "upsample_groups", "codebook_dim", "levels"):
            check_sizes(name, getattr(self, name))
        for name in ("latent_stride", "codebook_size"):
            check_sizes(name, getattr(self, name), least=2)
        check_sizes("transformer_layers", self.transformer_layers, most=_MAX_LAYERS)
        for name in ("heads", "head_dim", "feedforward", "window"):
            check_sizes(name, getattr(self, name))
        if not self.causal or self.norm != "none" or self.padding != "zeros":
            raise ValueError("causal convolutions padded with zeros, without a norm, expected")
        if self.end not in ("layers", "sound"):
            raise ValueError(f"end {self.end!r} is neither layers nor sound")
        if self.latent_dim % self.upsample_groups:
            raise ValueError("upsample_groups do not divide latent_dim")

    @property
    def frame_samples(self) -> int:
        """Samples a frame."""
        return self.hop_samples * self.latent_stride

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


def tile_waveform_side(config: MimiConfig, encoder: PushChain, decoder: PushChain) -> None:
    """Let the two blocks at the waveform, on both sides, work on TILE_SAMPLES at a time.

    Their signals are large: they would not stay in the cache.
    """
    outer = config.strides[:2]
    layers = 1 + len(outer) * (config.units + 2)
    encoder.tiled, encoder.tile_columns = range(layers), TILE_SAMPLES
    many = len(decoder.layers)
    decoder.tiled = range(many - layers - 1, many)
    decoder.tile_columns = max(1, TILE_SAMPLES // math.prod(outer))


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
            time_major=True,
        )
        upsample = PushConvTranspose1d(
            dim,
            dim,
            kernel=2 * stride,
            stride=stride,
            groups=config.upsample_groups,
            right=stride,
            bias=False,
        )
        layers = config.transformer_layers
        encoder, decoder = build_encoder(config), build_decoder(config)
        tile_waveform_side(config, encoder, decoder)
        self.encoder = PushChain(
            [
                encoder,
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
            [upsample, CausalTransformer(config.transformer, layers=layers), decoder]
        )

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        config = self.config
        return CodecSpec(
            sample_rate_hz=config.sample_rate_hz,
            channels=config.channels,
            hop_samples=config.frame_samples,
            codebook_sizes=(config.codebook_size,) * config.levels,
        )

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, C, T] to the codes of all its frames."""
        if self.config.end == "sound":
            wav = functional.pad(wav, (0, -wav.shape[-1] % self.config.frame_samples))
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
        """Map indices [R, levels, F] to their sound [R, C, F frame_samples]."""
        wav, state = self.decoder(self.quantizer.decode(indices), state, last)
        return wav, state
