"""DAC, the Descript Audio Codec (arXiv 2306.06546): convolutions with Snake, factorized codes.

No layer is causal: every convolution looks as far ahead as behind, so frames and sound come
`lookahead_samples` late in a stream.
"""

import math
import reprlib
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from audiocodec.layers.packed import PackedConv1d, PackedConvTranspose1d
from audiocodec.layers.push import PushChain, PushLayer, lookahead_samples
from audiocodec.layers.snake import Snake, Tanh
from audiocodec.layers.snake_unit import SnakeUnit
from audiocodec.layers.state import Carry, State
from audiocodec.quantize.factorized import FactorizedQuantizer
from audiocodec.spec import CodecSpec

from .network import CodecNetwork, Encoded

DILATIONS = (1, 3, 9)
_MAX_SIZE, _MAX_BLOCKS = 1 << 20, 16
_TILE = 1 << 17  # elements: half a megabyte
_DEPTHWISE_TILE = 1 << 20  # these units go through smaller blocks by themselves
_FEWEST_COLUMNS = 1152  # with fewer, reading the weights takes longer than using them


@dataclass(frozen=True, slots=True, kw_only=True)
class DacConfig:
    """Everything that shapes the network; the defaults are those of the 44 kHz model.

    encoder_channels: width of the first layer; every stride doubles it.
    encoder_strides, decoder_strides: in the order of the layers; their products are the hop.
    decoder_channels: width of the decoder's first layer; every stride halves it.
    latent_dim: D, what the quantizer sees. levels, codebook_size, codebook_dim: of the quantizer.
    """

    sample_rate_hz: int = 44_100
    encoder_channels: int = 64
    encoder_strides: tuple[int, ...] = (2, 4, 8, 8)
    decoder_channels: int = 1536
    decoder_strides: tuple[int, ...] = (8, 8, 4, 2)
    latent_dim: int = 1024
    levels: int = 9
    codebook_size: int = 1024
    codebook_dim: int = 8

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no network, or an absurdly large one."""
        check_sizes(self)
        check_strides(self.encoder_strides, self.decoder_strides)
        check_halving(self.decoder_channels, len(self.decoder_strides))

    @property
    def hop_samples(self) -> int:
        """Samples a frame: the product of the strides."""
        return math.prod(self.encoder_strides)

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return CodecSpec(
            sample_rate_hz=self.sample_rate_hz,
            channels=1,
            hop_samples=self.hop_samples,
            codebook_sizes=(self.codebook_size,) * self.levels,
        )


def check_sizes(config: object, *, may_be_zero: tuple[str, ...] = ()) -> None:
    """Raise ValueError where a field of a configuration is no positive number of sensible size.

    Fields may also be tuples of such numbers, or booleans; those in may_be_zero, zero.
    """
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if isinstance(value, bool) or (field.name in may_be_zero and value == 0):
            continue
        sizes = value if isinstance(value, tuple) else (value,)
        if not 1 <= len(sizes) <= (_MAX_BLOCKS if "strides" in field.name else 1):
            raise ValueError(f"{field.name} is {reprlib.repr(value)}; 1 to {_MAX_BLOCKS} expected")
        if not all(type(size) is int and 1 <= size <= _MAX_SIZE for size in sizes):
            raise ValueError(
                f"{field.name} is {reprlib.repr(value)}; "
                f"whole numbers from 1 to {_MAX_SIZE} expected"
            )


def check_strides(down: tuple[int, ...], up: tuple[int, ...]) -> None:
    """Raise ValueError where an encoder's and a decoder's strides make no codec."""
    hop = math.prod(down)
    if hop != math.prod(up):
        raise ValueError(f"strides {down} and {up} have different products")
    if not 1 < hop <= _MAX_SIZE or 1 in (*down, *up):
        raise ValueError(f"strides {down} and {up}; over 1 and a hop up to {_MAX_SIZE} expected")


def check_halving(channels: int, times: int) -> None:
    """Raise ValueError where a width cannot be halved so often."""
    if channels % 2**times:
        raise ValueError(f"{channels} channels cannot be halved {times} times")


def down_block(channels: int, stride: int, *, groups: int = 1) -> PushChain:
    """Return a block of the encoder: [channels, T] to [2 channels, T / stride]."""
    half = math.ceil(stride / 2)
    down = PackedConv1d(
        channels,
        2 * channels,
        kernel=2 * stride,
        stride=stride,
        left=half,
        right=half,
    )
    units = [SnakeUnit(channels, dilation=dilation, groups=groups) for dilation in DILATIONS]
    layers: list[PushLayer] = [*units, Snake(channels), down]
    columns = tile_columns(channels, groups=groups)
    return PushChain(layers, tiled=range(len(layers)), tile_columns=columns)


def up_chain(first: list[PushLayer], channels: int, *, groups: int = 1) -> PushChain:
    """Return a chain of layers that go up to so many channels, and residual units."""
    units = [SnakeUnit(channels, dilation=dilation, groups=groups) for dilation in DILATIONS]
    return PushChain(
        [*first, *units],
        tiled=range(len(first), len(first) + len(units)),
        tile_columns=tile_columns(channels, groups=groups),
    )


def tile_columns(channels: int, *, groups: int = 1) -> int:
    """Return how many columns go through a block at once, so that they stay in the cache."""
    pairs = 4 * math.lcm(*DILATIONS)
    elements = _TILE if groups == 1 else _DEPTHWISE_TILE
    return max(_FEWEST_COLUMNS, elements // channels) // pairs * pairs


def _up_block(channels: int, stride: int) -> PushChain:
    """Return a block of the decoder: [channels, T] to [channels / 2, T stride]."""
    half = math.ceil(stride / 2)
    up = PackedConvTranspose1d(
        channels,
        channels // 2,
        kernel=2 * stride,
        stride=stride,
        left=half,
        right=half,
    )
    return up_chain([Snake(channels), up], channels // 2)


def _encoder(config: DacConfig) -> PushChain:
    """Return the encoder: wav [B, 1, F hop] to latents [B, D, F]."""
    width = config.encoder_channels
    layers: list[PushLayer] = [PackedConv1d(1, width, kernel=7, left=3, right=3)]
    for stride in config.encoder_strides:
        layers.append(down_block(width, stride))
        width *= 2
    head = PackedConv1d(width, config.latent_dim, kernel=3, left=1, right=1)
    return PushChain([*layers, Snake(width), head])


def _decoder(config: DacConfig) -> PushChain:
    """Return the decoder: latents [B, D, F] to wav [B, 1, up to F hop]."""
    width = config.decoder_channels
    layers: list[PushLayer] = [PackedConv1d(config.latent_dim, width, kernel=7, left=3, right=3)]
    for stride in config.decoder_strides:
        layers.append(_up_block(width, stride))
        width //= 2
    return PushChain(
        [
            *layers,
            Snake(width),
            PackedConv1d(width, 1, kernel=7, left=3, right=3),
            Tanh(),
        ]
    )


class Dac(CodecNetwork):
    """The whole network, as `Codec` sees it."""

    config: DacConfig

    def __init__(self, config: DacConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _encoder(config)
        self.quantizer = FactorizedQuantizer(
            dim=config.latent_dim,
            levels=config.levels,
            codebook_size=config.codebook_size,
            codebook_dim=config.codebook_dim,
        )
        self.decoder = _decoder(config)

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return self.config.spec

    @property
    def lookahead_samples(self) -> int:
        """Samples beyond a frame's own that its codes and then its sound wait for."""
        return lookahead_samples(self.encoder, self.decoder, self.config.hop_samples)

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, 1, T] to the indices [R, levels, F] that are complete; see `Network`.

        The last piece is filled up with silence to a whole frame.
        """
        if last:
            wav = functional.pad(wav, (0, -wav.shape[-1] % self.spec.hop_samples))
        latents, after = self.encoder(wav, state, last)
        return Encoded(self.quantizer.encode(latents, levels), after)

    def decode(
        self,
        indices: Tensor,
        *,
        state: State = None,
        last: bool = False,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Map indices [R, levels, F] to the sound that is complete; see `Network`.

        Where a stride is odd, the layers give a few samples less than the frames stand for, as
        upstream's do: silence stands for these at the very end.
        """
        inner, count = state if isinstance(state, tuple) else (None, None)
        before = count.seen if isinstance(count, Carry) else 0
        wav, inner = self.decoder(self.quantizer.decode(indices), inner, last)
        after = before + indices.shape[-1]
        if last:
            given = self.decoder.given(before) + wav.shape[-1]
            wav = functional.pad(wav, (0, self.spec.samples(after) - given))
        return wav, (inner, Carry(torch.empty(0), after))
