"""What every family offers to `Codec`: a spec, and encode and decode with explicit state."""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from audiocodec.layers.state import State
from audiocodec.spec import CodecSpec


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a piece of sound completed.

    indices: int64 [R, levels, F], on the grid of the finest level.
    state: of the encoder, after the piece.
    scale: float32 [R, S], a gain for every segment that begins in these frames, where the codec
        normalises its segments; otherwise None.
    """

    indices: Tensor
    state: State
    scale: Tensor | None = None


class Network(Protocol):
    """A codec network that takes signals in pieces; a row is one run over `spec.channels`.

    Every piece but the last is a whole number of hops long. A network that looks ahead holds
    frames and samples back until it has heard enough, and gives the rest with the last piece.
    """

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        ...

    @property
    def delay_samples(self) -> int:
        """Samples by which the decoder's sound lags behind the encoder's; 0 for most."""
        ...

    @property
    def lookahead_samples(self) -> int:
        """Samples beyond a frame's own that its codes and then its sound wait for; 0 if causal."""
        ...

    @property
    def blocks_at_once(self) -> int:
        """How many of blocks.BLOCK_FRAMES it computes best at once: more if it is narrow."""
        ...

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, C, T] to the codes of all frames that are complete now."""
        ...

    def decode(
        self,
        indices: Tensor,
        *,
        state: State = None,
        last: bool = False,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Map indices [R, levels, F] to the sound [R, C, T] that is complete now, and a state.

        Over all pieces, F frames give spec.samples(F) samples, a codec with segments at least
        those.
        """
        ...


class CodecNetwork(nn.Module):
    """The base of every family's network: a `Network` with weights and a configuration.

    config: a frozen dataclass whose every field has a default; it is what is saved.
    """

    config: Any

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        raise NotImplementedError

    @property
    def delay_samples(self) -> int:
        """Samples by which the decoder's sound lags behind the encoder's."""
        return 0

    @property
    def lookahead_samples(self) -> int:
        """Samples beyond a frame's own that its codes and then its sound wait for."""
        return 0

    @property
    def blocks_at_once(self) -> int:
        """How many of blocks.BLOCK_FRAMES it computes best at once: more if it is narrow."""
        return 1

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, C, T] to the codes of all frames that are complete now; see `Network`."""
        raise NotImplementedError

    def decode(
        self,
        indices: Tensor,
        *,
        state: State = None,
        last: bool = False,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Map indices [R, levels, F] to the sound that is complete now; see `Network`."""
        raise NotImplementedError
