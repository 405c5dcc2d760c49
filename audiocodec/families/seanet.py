"""SEANet (arXiv 2009.02095) as EnCodec uses it: convolutions on both sides, and an LSTM."""

import reprlib
from dataclasses import dataclass, fields
from math import prod
from typing import Any, TypeVar

from torch import Tensor, nn

from audiocodec.layers.elu import Nothing
from audiocodec.layers.elu_conv import EluConv1d, PackedEluConv1d, PackedEluConvTranspose1d
from audiocodec.layers.exact import ROWS
from audiocodec.layers.packed import PackedConv1d
from audiocodec.layers.push import (
    PushChain,
    PushConv1d,
    PushLayer,
    PushResidual,
    joined,
)
from audiocodec.layers.recurrent import LSTM
from audiocodec.layers.seanet_unit import SeanetUnit
from audiocodec.layers.state import State

Conv = TypeVar("Conv", bound=PushConv1d)

# Bounds for what a file may ask for, far above any sensible network.
_MAX_SIZE, _MAX_BLOCKS = 1 << 20, 64

# Of ROWS frames: after so many, no layer waits for its beginning; fewer are not worth a cut.
_HEAD_UNITS, _FEWEST_UNITS = 2, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SeanetConfig:
    """What shapes encoder and decoder; the defaults are those of EnCodec at 24 kHz.

    filters: width at the waveform; it doubles with every stride.
    strides: of the encoder's blocks, from the waveform inwards; the hop is their product.
    kernel, last_kernel: of the first and the last convolution, on both sides.
    units, unit_kernel, dilation_base, compress: the residual units of a block: how many; the
        n-th is dilated by dilation_base^n, and narrower inside by the factor compress.
    shortcut: a k1 convolution beside every unit instead of the identity.
    padding: "reflect" or "zeros".
    norm: "none", or "time_group": a group norm over the whole time behind every convolution.
    """

    channels: int = 1
    filters: int = 32
    strides: tuple[int, ...] = (2, 4, 5, 8)
    kernel: int = 7
    last_kernel: int = 7
    units: int = 1
    unit_kernel: int = 3
    dilation_base: int = 2
    compress: int = 2
    shortcut: bool = True
    lstm_layers: int = 2
    causal: bool = True
    padding: str = "reflect"
    norm: str = "none"
    latent_dim: int = 128

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no network, or an absurdly large one."""
        for field in fields(SeanetConfig):  # those of a subclass are its own to check
            value, blocks = getattr(self, field.name), field.name in {"units", "lstm_layers"}
            if isinstance(field.default, bool):
                check_flag(field.name, value)
            elif not isinstance(field.default, str):
                check_sizes(
                    field.name,
                    value,
                    least=0 if field.name == "lstm_layers" else 1,
                    most=_MAX_BLOCKS if blocks else _MAX_SIZE,
                )
        reach = self.unit_kernel * self.dilation_base ** (self.units - 1)
        if max(self.hop_samples, reach, self.widths[-1]) > _MAX_SIZE:
            raise ValueError(f"a hop, a dilated kernel or a width is over {_MAX_SIZE}")
        if self.padding not in {"reflect", "zeros"}:
            raise ValueError(f"padding {self.padding!r} is neither reflect nor zeros")
        if self.norm not in {"none", "time_group"}:
            raise ValueError(f"norm {self.norm!r} is neither none nor time_group")
        if self.norm != "none" and self.causal:
            raise ValueError("a norm over the whole time is not causal")
        if self.compress > self.filters:
            raise ValueError(f"compress {self.compress} leaves none of {self.filters} filters")

    @property
    def hop_samples(self) -> int:
        """Samples a frame: the product of all strides."""
        return prod(self.strides)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels before every stride and after the last."""
        return tuple(self.filters << block for block in range(len(self.strides) + 1))


def check_sizes(name: str, value: object, *, least: int = 1, most: int = _MAX_SIZE) -> None:
    """Raise ValueError unless value is an int, or a short tuple of ints, from least to most."""
    sizes = value if isinstance(value, tuple) else (value,)
    if len(sizes) > _MAX_BLOCKS:
        raise ValueError(f"{name} lists {len(sizes)} numbers, over {_MAX_BLOCKS}")
    if not all(type(size) is int and least <= size <= most for size in sizes):
        raise ValueError(
            f"{name} is {reprlib.repr(value)}; whole numbers from {least} to {most} expected"
        )


def check_flag(name: str, value: object) -> None:
    """Raise ValueError unless value is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {reprlib.repr(value)}; true or false expected")


class GroupNormed(PushLayer):
    """A convolution, then a group norm over all channels and the whole time, then cut ends.

    Only for signals in one piece: what comes first depends on what comes last.
    """

    def __init__(self, conv: PushLayer, channels: int, *, left: int = 0, right: int = 0) -> None:
        super().__init__()
        self.conv, self.norm, self.left, self.right = conv, nn.GroupNorm(1, channels), left, right

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (y of x [B, in, T], an empty state)."""
        if not last or state is not None:
            raise ValueError("a group norm over time takes a signal in one piece")
        y = self.norm(self.conv(x, None, True)[0])
        return y[..., self.left : y.shape[-1] - self.right], ()


def _conv(
    kind: type[Conv],
    config: SeanetConfig,
    before: int,
    after: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
) -> Conv:
    """Return a convolution that pads its signal so that T columns become T / stride."""
    total = (kernel - 1) * dilation + 1 - stride
    if total < 0:
        raise ValueError(f"kernel {kernel} and stride {stride} leave samples out")
    right = 0 if config.causal else total // 2
    shape: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": config.padding}
    if not issubclass(kind, PackedConv1d):
        shape["time_major"] = True  # as packed ones always are
    return kind(before, after, kernel=kernel, left=total - right, right=right, fill=True, **shape)


def _normed(config: SeanetConfig, conv: PushConv1d) -> PushLayer:
    return conv if config.norm == "none" else GroupNormed(conv, len(conv.weight))


def _first(config: SeanetConfig, before: int, after: int) -> PushLayer:
    return _normed(config, _conv(PackedConv1d, config, before, after, config.kernel))


def _last(config: SeanetConfig, before: int, after: int) -> PushLayer:
    return _normed(config, _conv(PackedEluConv1d, config, before, after, config.last_kernel))


def _down(config: SeanetConfig, before: int, after: int, stride: int) -> PushLayer:
    return _normed(config, _conv(PackedEluConv1d, config, before, after, 2 * stride, stride=stride))


def _up(config: SeanetConfig, before: int, after: int, stride: int) -> PushLayer:
    """Return a transposed convolution from T columns to T x stride."""
    right = stride if config.causal else stride // 2
    left = stride - right
    normed = config.norm != "none"  # also over what is cut off
    conv = PackedEluConvTranspose1d(
        before,
        after,
        kernel=2 * stride,
        stride=stride,
        left=0 if normed else left,
        right=0 if normed else right,
    )
    return GroupNormed(conv, after, left=left, right=right) if normed else conv


def _units(config: SeanetConfig, channels: int) -> list[PushLayer]:
    units: list[PushLayer] = []
    inside = channels // config.compress
    for unit in range(config.units):
        dilation = config.dilation_base**unit
        wide = _conv(EluConv1d, config, channels, inside, config.unit_kernel, dilation=dilation)
        narrow = _conv(EluConv1d, config, inside, channels, 1)
        beside = _conv(PushConv1d, config, channels, channels, 1) if config.shortcut else None
        if config.norm == "none":
            units.append(SeanetUnit(wide, narrow, beside))
            continue
        body = PushChain([Nothing(), _normed(config, wide), Nothing(), _normed(config, narrow)])
        units.append(PushResidual(body, beside and _normed(config, beside)))
    return units


def _memory(config: SeanetConfig, channels: int) -> list[PushLayer]:
    if config.lstm_layers == 0:
        return []
    return [PushResidual(LSTM(channels, layers=config.lstm_layers))]


class SeanetChain(PushChain):
    """The layers of a causal encoder or decoder, which compute best in the middle of a signal.

    So a long piece is cut behind its beginning, where layers still wait or mirror, and before its
    end, which may be no whole number of frames. frame_columns: columns of the input a frame.
    """

    def __init__(self, layers: list[PushLayer], *, frame_columns: int) -> None:
        super().__init__(layers)
        self.unit = frame_columns * ROWS

    def forward(self, x: Tensor, state: State = None, last: bool = False) -> tuple[Tensor, State]:
        """Return (what of y is complete, state after x)."""
        head = 0 if state is not None else _HEAD_UNITS * self.unit
        tail = self.unit if last else 0
        middle = (x.shape[-1] - head - tail) // self.unit * self.unit
        if middle < _FEWEST_UNITS * self.unit or head == tail == 0:
            return super().forward(x, state, last)
        done = []
        for begin, end in ((0, head), (head, head + middle), (head + middle, x.shape[-1])):
            if begin < end:
                y, state = super().forward(x[..., begin:end], state, last and end == x.shape[-1])
                done.append(y)
        return joined(done, time_major=True), state


def _chain(config: SeanetConfig, layers: list[PushLayer], frame_columns: int) -> PushChain:
    if config.causal:
        return SeanetChain(layers, frame_columns=frame_columns)
    return PushChain(layers)


def build_encoder(config: SeanetConfig) -> PushChain:
    """Return the encoder: wav [B, C, T] to latents [B, D, F]."""
    widths = config.widths
    layers: list[PushLayer] = [_first(config, config.channels, widths[0])]
    for stride, before, after in zip(config.strides, widths, widths[1:], strict=False):
        layers += _units(config, before)
        layers += [Nothing(), _down(config, before, after, stride)]
    layers += _memory(config, widths[-1])
    layers += [Nothing(), _last(config, widths[-1], config.latent_dim)]
    return _chain(config, layers, config.hop_samples)


def build_decoder(config: SeanetConfig) -> PushChain:
    """Return the decoder, the encoder's mirror: latents [B, D, F] to wav [B, C, F hop]."""
    widths = config.widths[::-1]
    layers: list[PushLayer] = [_first(config, config.latent_dim, widths[0])]
    layers += _memory(config, widths[0])
    for stride, before, after in zip(config.strides[::-1], widths, widths[1:], strict=False):
        layers += [Nothing(), _up(config, before, after, stride)]
        layers += _units(config, after)
    layers += [Nothing(), _last(config, widths[-1], config.channels)]
    return _chain(config, layers, 1)
