"""SNAC (arXiv 2410.14411): DAC's network with codes of several frame rates, and lighter.

Convolutions are depthwise, windows of attention may stand at the latents, and the decoder adds
noise. Codes are given on the grid of the finest level, where a coarse code is repeated. The
decoder's noise is a fixed sequence (layers/noise.py), so decoding twice gives the same sound.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from audiocodec.layers.local_attention import LocalAttention
from audiocodec.layers.noise import Noise
from audiocodec.layers.packed import PackedConv1d, PackedConvTranspose1d
from audiocodec.layers.push import PushChain, PushLayer, lookahead_samples
from audiocodec.layers.snake import Snake, Tanh
from audiocodec.layers.state import Carry, State
from audiocodec.quantize.factorized import FactorizedQuantizer
from audiocodec.spec import CodecSpec

from .dac import check_halving, check_sizes, check_strides, down_block, up_chain
from .network import CodecNetwork, Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class SnacConfig:
    """Everything that shapes the network; the defaults are those of the 24 kHz model.

    encoder_channels, encoder_strides, decoder_channels, decoder_strides: as DAC's.
    level_strides: latents that one code of each level stands for, coarse to fine.
    attention_window: latents a window; 0: no attention.
    depthwise: the residual units' wide convolutions see one channel each.
    noise: the decoder adds noise.
    """

    sample_rate_hz: int = 24_000
    encoder_channels: int = 48
    encoder_strides: tuple[int, ...] = (2, 4, 8, 8)
    decoder_channels: int = 1024
    decoder_strides: tuple[int, ...] = (8, 8, 4, 2)
    level_strides: tuple[int, ...] = (4, 2, 1)
    codebook_size: int = 4096
    codebook_dim: int = 8
    attention_window: int = 0
    depthwise: bool = True
    noise: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no network, or an absurdly large one."""
        check_sizes(self, may_be_zero=("attention_window",))
        check_strides(self.encoder_strides, self.decoder_strides)
        check_halving(self.decoder_channels, len(self.decoder_strides))
        pairs = zip(self.level_strides, self.level_strides[1:], strict=False)
        if any(coarse % fine for coarse, fine in pairs):
            raise ValueError(f"level_strides {self.level_strides}: each must divide the one before")

    @property
    def latent_dim(self) -> int:
        """Channels of the latents: every stride doubles those of the encoder."""
        return self.encoder_channels << len(self.encoder_strides)

    @property
    def latent_samples(self) -> int:
        """Samples a latent."""
        return math.prod(self.encoder_strides)

    @property
    def latents_together(self) -> int:
        """Latents that upstream pads a sound to multiples of."""
        return math.lcm(self.level_strides[0], self.attention_window or 1)

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        finest = self.level_strides[-1]
        return CodecSpec(
            sample_rate_hz=self.sample_rate_hz,
            channels=1,
            hop_samples=self.latent_samples * finest,
            codebook_sizes=(self.codebook_size,) * len(self.level_strides),
            level_strides=tuple(stride // finest for stride in self.level_strides),
        )


def _encoder(config: SnacConfig) -> PushChain:
    """Return the encoder: wav [B, 1, T] to latents [B, D, T / latent_samples]."""
    width = config.encoder_channels
    layers: list[PushLayer] = [PackedConv1d(1, width, kernel=7, left=3, right=3)]
    for stride in config.encoder_strides:
        layers.append(down_block(width, stride, groups=width if config.depthwise else 1))
        width *= 2
    if config.attention_window:
        layers.append(LocalAttention(width, window=config.attention_window))
    groups = width if config.depthwise else 1
    return PushChain(
        [*layers, PackedConv1d(width, width, kernel=7, left=3, right=3, groups=groups)]
    )


def _decoder(config: SnacConfig) -> PushChain:
    """Return the decoder: latents [B, D, F] to wav [B, 1, F latent_samples]."""
    dim, width = config.latent_dim, config.decoder_channels
    if config.depthwise:
        layers: list[PushLayer] = [
            PackedConv1d(dim, dim, kernel=7, left=3, right=3, groups=dim),
            PackedConv1d(dim, width, kernel=1),
        ]
    else:
        layers = [PackedConv1d(dim, width, kernel=7, left=3, right=3)]
    if config.attention_window:
        layers.append(LocalAttention(width, window=config.attention_window))
    for number, stride in enumerate(config.decoder_strides):
        layers.append(_up_block(config, width, stride, number))
        width //= 2
    return PushChain(
        [
            *layers,
            Snake(width),
            PackedConv1d(width, 1, kernel=7, left=3, right=3),
            Tanh(),
        ]
    )


def _up_block(config: SnacConfig, channels: int, stride: int, number: int) -> PushChain:
    """Return a block of the decoder: [channels, T] to [channels / 2, T stride]."""
    half, out = math.ceil(stride / 2), channels // 2
    up = PackedConvTranspose1d(
        channels,
        out,
        kernel=2 * stride,
        stride=stride,
        left=half,
        right=half,
        extra=stride % 2,
    )
    noise = [Noise(out, stream=number)] if config.noise else []
    groups = out if config.depthwise else 1
    return up_chain([Snake(channels), up, *noise], out, groups=groups)


class Snac(CodecNetwork):
    """The whole network, as `Codec` sees it."""

    config: SnacConfig

    def __init__(self, config: SnacConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _encoder(config)
        self.quantizer = FactorizedQuantizer(
            dim=config.latent_dim,
            levels=len(config.level_strides),
            codebook_size=config.codebook_size,
            codebook_dim=config.codebook_dim,
            strides=config.level_strides,
        )
        self.decoder = _decoder(config)

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return self.config.spec

    @property
    def lookahead_samples(self) -> int:
        """Samples beyond those of one code of each level that codes and sound wait for."""
        spec, coarsest = self.spec, self.config.level_strides[0]
        encoder = PushChain([self.encoder, _Whole(coarsest)])
        after_a_hop = lookahead_samples(encoder, self.decoder, spec.hop_samples)
        return after_a_hop - spec.hop_samples * (spec.frames_together - 1)

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, 1, T] to the indices [R, levels, F] that are complete; see `Network`.

        Frames come in multiples of the coarsest level's stride. Silence is put behind the sound
        up to a multiple of what upstream pads to, so there may be more frames than it needs.
        """
        inner, rest = state if isinstance(state, tuple) else (None, None)
        seen = wav.shape[-1] + (rest.seen if isinstance(rest, Carry) else 0)
        if last:
            together = self.config.latents_together * self.config.latent_samples
            wav = functional.pad(wav, (0, -seen % together))
        latents, inner = self.encoder(wav, inner, last)
        if isinstance(rest, Carry):
            latents = torch.cat([rest.columns, latents], dim=-1)
        coarsest, finest = self.config.level_strides[0], self.config.level_strides[-1]
        whole = latents.shape[-1] // coarsest * coarsest
        indices = self.quantizer.encode(latents[..., :whole], levels)[..., ::finest]
        return Encoded(indices, (inner, Carry(latents[..., whole:].clone(), seen)))

    def decode(
        self,
        indices: Tensor,
        *,
        state: State = None,
        last: bool = False,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Map indices [R, levels, F] to the sound that is complete; see `Network`.

        F is a multiple of the coarsest level's stride.
        """
        finest = self.config.level_strides[-1]
        if finest > 1:
            indices = indices.repeat_interleave(finest, dim=-1)
        wav, after = self.decoder(self.quantizer.decode(indices), state, last)
        return wav, after


class _Whole(PushLayer):
    """What grouping latents by `columns` does to the time at which they come."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns

    def given(self, seen: int) -> int:
        return seen // self.columns * self.columns
