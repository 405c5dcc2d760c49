"""What every family offers to `Codec`: a spec, and encode and decode with explicit state."""

from typing import Protocol

from torch import Tensor

from audiocodec.layers.state import State
from audiocodec.spec import CodecSpec


class Network(Protocol):
    """A causal codec network; one row is one run of the network over `spec.channels`."""

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        ...

    @property
    def delay_samples(self) -> int:
        """Samples by which the decoder's sound lags behind the encoder's; 0 for most."""
        ...

    def encode(self, wav: Tensor, *, levels: int, state: State = None) -> tuple[Tensor, State]:
        """Map wav [R, C, F hop] to indices [R, levels, F]; return them and the state after."""
        ...

    def decode(self, indices: Tensor, *, state: State = None) -> tuple[Tensor, State]:
        """Map indices [R, levels, F] to wav [R, C, F hop]; return it and the state after."""
        ...
