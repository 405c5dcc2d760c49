"""Lyra v2: a SoundStream whose slow inner layers work in int8, with the weights of google/lyra.

The encoder is int8 from the second k1 of its last block's first unit on, the decoder from its
first activation to its second transposed convolution; everything faster is float. The layout is
that of lyra/model_coeffs in google/lyra (Apache-2.0), whose networks are trained first and made
int8 afterwards: this family only runs such weights. To train the shape, or to go on from the
weights, the family soundstream has the same layers in float.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from audiocodec.layers.causal import CausalConv1d
from audiocodec.layers.chain import Chain, Residual
from audiocodec.layers.int8 import (
    FromInt8,
    Grid,
    Int8Conv1d,
    Int8ConvTranspose1d,
    Int8LeakyReLU,
    Int8Residual,
    ToInt8,
)
from audiocodec.layers.ordered import OrderedProducts

from .soundstream import SoundStream, SoundStreamConfig, build_decoder, build_encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class LyraConfig(SoundStreamConfig):
    """The shape of google/lyra's networks by default, and the grids of their int8 tensors.

    encoder_scales, encoder_zeros, decoder_scales, decoder_zeros: the grids that values are
        rounded to, in the order of the flow; a transposed convolution has one a group.
    """

    sample_rate_hz: int = 16_000
    patch_samples: int = 16
    stem_kernel: int = 64
    strides: tuple[int, ...] = (5, 2, 2)
    encoder_channels: tuple[int, ...] = (64, 128, 256, 512)
    decoder_channels: tuple[int, ...] = (64, 128, 256, 512)
    unit_kernel: int = 3
    depthwise: bool = True
    activation: str = "leaky_relu"
    negative_slope: float = 0.3
    block_groups: tuple[int, ...] = (1, 2, 4)
    head_groups: int = 4
    latent_dim: int = 64
    levels: int = 46
    codebook_size: int = 16
    encoder_scales: tuple[float, ...] = ()
    encoder_zeros: tuple[int, ...] = ()
    decoder_scales: tuple[float, ...] = ()
    decoder_zeros: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no such network."""
        SoundStreamConfig.__post_init__(self)
        if len(self.strides) < 2 or not self.depthwise or not self.trunk_activation:
            raise ValueError("2 strides or more, depthwise units and trunk_activation expected")
        if self.activation != "leaky_relu" or self.stem != "learned" or self.latent_units:
            raise ValueError('activation "leaky_relu", learned stem, no latent_units expected')
        for scale in (*self.encoder_scales, *self.decoder_scales):
            if not (type(scale) is float and 1e-12 < scale < 1e12):
                raise ValueError(f"{scale} is no scale of int8 values; 1e-12 to 1e12 expected")
        for zero in (*self.encoder_zeros, *self.decoder_zeros):
            if not (type(zero) is int and -128 <= zero <= 127):
                raise ValueError(f"{zero} is no zero point; -128 to 127 expected")


class _Segment:
    """Builds int8 layers one after the other: each begins on the grid where the last ended."""

    def __init__(self, scales: tuple[float, ...], zeros: tuple[int, ...], slope: float) -> None:
        if len(scales) != len(zeros):
            raise ValueError(f"{len(scales)} scales, but {len(zeros)} zero points")
        pairs = zip(scales, zeros, strict=True)
        self._grids: Iterator[Grid] = (Grid(scale, zero) for scale, zero in pairs)
        self._slope = slope
        self.grid = Grid(1.0, 0)

    def advance(self) -> Grid:
        """Return the next grid, where the layer that is being built ends."""
        try:
            self.grid = next(self._grids)
        except StopIteration:
            raise ValueError("fewer grids than int8 tensors") from None
        return self.grid

    def finish(self) -> None:
        """Raise ValueError where grids are left over."""
        if next(self._grids, None) is not None:
            raise ValueError("more grids than int8 tensors")

    def to_int8(self) -> ToInt8:
        return ToInt8(self.advance())

    def from_int8(self) -> FromInt8:
        return FromInt8(self.grid)

    def activation(self) -> Int8LeakyReLU:
        source = self.grid
        return Int8LeakyReLU(negative_slope=self._slope, source=source, target=self.advance())

    def conv(
        self,
        narrow: int,
        wide: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
    ) -> Int8Conv1d:
        return Int8Conv1d(
            narrow,
            wide,
            kernel=kernel,
            target=self.advance(),
            stride=stride,
            dilation=dilation,
            groups=groups,
        )

    def wide_layers(
        self, config: SoundStreamConfig, channels: int, dilation: int
    ) -> list[Int8Conv1d]:
        """Return the first two convolutions of a unit: k on single channels, k1."""
        kernel = config.unit_kernel
        across = self.conv(channels, channels, kernel=kernel, dilation=dilation, groups=channels)
        return [across, self.conv(channels, channels)]

    def narrow_layers(self, channels: int, groups: int) -> list[nn.Module]:
        """Return the second half of a unit: activation, k1."""
        return [self.activation(), self.conv(channels, channels, groups=groups)]

    def units(self, config: SoundStreamConfig, channels: int, groups: int) -> list[nn.Module]:
        """Return the units of a block but for the first, which is partly float."""
        return [self._unit(config, channels, d, groups) for d in config.dilations[1:]]

    def _unit(
        self, config: SoundStreamConfig, channels: int, dilation: int, groups: int
    ) -> Int8Residual:
        source = self.grid
        first = self.activation()
        body = [first, *self.wide_layers(config, channels, dilation)]
        body += self.narrow_layers(channels, groups)
        inner = self.grid
        return Int8Residual(Chain(body), source=source, inner=inner, target=self.advance())


def build_int8_encoder(config: LyraConfig) -> Chain:
    """Return the encoder: wav [B, 1, F hop] to latents [B, D, F], both float."""
    layers = list(build_encoder(config).layers)
    narrow, wide = config.encoder_channels[-2:]
    groups, stride = config.groups_of_blocks[-1], config.strides[-1]
    kept = len(layers) - 2 - (len(config.dilations) + 2)
    segment = _Segment(config.encoder_scales, config.encoder_zeros, config.negative_slope)
    body = [*_body(layers[kept])[:3], segment.to_int8(), *segment.narrow_layers(narrow, groups)]
    inner: list[nn.Module] = [Residual(Chain([*body, segment.from_int8()])), segment.to_int8()]
    inner += segment.units(config, narrow, groups)
    inner += [segment.activation()]
    inner += [segment.conv(narrow, wide, kernel=2 * stride, stride=stride, groups=groups)]
    inner += [segment.activation()]
    inner += [
        segment.conv(
            wide, config.latent_dim, kernel=config.latent_kernel, groups=config.head_groups
        )
    ]
    segment.finish()
    return Chain([*layers[:kept], *inner, segment.from_int8()])


def build_int8_decoder(config: LyraConfig) -> Chain:
    """Return the decoder: latents [B, D, F] to wav [B, 1, F hop], both float."""
    layers = list(build_decoder(config).layers)
    first, second = 2, 2 + len(config.dilations) + 2  # where the transposed convolutions are
    wide, narrow, narrowest = config.decoder_channels[:-4:-1]
    segment = _Segment(config.decoder_scales, config.decoder_zeros, config.negative_slope)
    inner: list[nn.Module] = [segment.to_int8()]
    inner += [_transposed(config, segment, 0, wide, narrow)]
    body = [*_body(layers[first + 1])[:1], segment.to_int8()]
    body += segment.wide_layers(config, narrow, config.dilations[0])
    body += segment.narrow_layers(narrow, config.groups_of_blocks[-1])
    inner += [Residual(Chain([*body, segment.from_int8()])), segment.to_int8()]
    inner += segment.units(config, narrow, config.groups_of_blocks[-1])
    inner += [segment.activation()]
    inner += [_transposed(config, segment, 1, narrow, narrowest)]
    segment.finish()
    return Chain([*layers[:first], *inner, *layers[second + 1 :]])


def _body(unit: nn.Module) -> list[nn.Module]:
    """Return the layers of a residual unit."""
    body = unit.get_submodule("body.layers")
    return list(body.children())


def _transposed(
    config: LyraConfig, segment: _Segment, block: int, wide: int, narrow: int
) -> Int8ConvTranspose1d:
    groups = config.groups_of_blocks[::-1][block]
    return Int8ConvTranspose1d(
        wide,
        narrow,
        stride=config.strides[::-1][block],
        targets=tuple(segment.advance() for _ in range(groups)),
        frame=config.strides[-1] if block else 1,
    )


class Lyra(SoundStream):
    """The whole network, as `Codec` sees it."""

    def __init__(self, config: LyraConfig) -> None:
        super().__init__(config)
        self.encoder = build_int8_encoder(config)
        self.decoder = build_int8_decoder(config)
        # Whatever comes before int8 layers decides how they round.
        for layer in [*self.encoder.modules(), self.decoder.layers[0]]:
            if isinstance(layer, CausalConv1d):
                layer.exact = OrderedProducts()

    @property
    def blocks_at_once(self) -> int:
        """How many of blocks.BLOCK_FRAMES it computes best at once: 64 channels are few."""
        return 3
