"""Sound to codes in pieces, which owns state and remainder; offline coding is one big push."""

from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodec import blocks
from audiocodec.audio.layout import row_count, to_rows
from audiocodec.audio.limits import check_finite
from audiocodec.audio.resample import Resampler
from audiocodec.codes import Codes, ModelIdentity, Source
from audiocodec.families.network import Encoded, Network
from audiocodec.layers.state import State
from audiocodec.speed import in_precision

FloatArray = NDArray[np.float32]


class StreamEncoder:
    """Sound in blocks of any size to codes as soon as they are complete.

    The codes do not depend on how the sound was cut: on a CPU they are equal to the last bit
    of the offline ones, because offline coding is this class, pushed once.
    """

    def __init__(
        self,
        network: Network,
        *,
        levels: int,
        source: Source,
        identity: ModelIdentity | None,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        batch: int = 1,
    ) -> None:
        self.network, self.levels, self.source = network, levels, source
        self.identity, self.device, self.dtype, self.batch = identity, device, dtype, batch
        spec = network.spec
        self.resamplers = [
            Resampler(source.sample_rate_hz, spec.sample_rate_hz, source.channels)
            for _ in range(batch)
        ]
        self.rows = batch * row_count(source.channels, spec.channels)
        self.rest: FloatArray = np.zeros((self.rows, spec.channels, 0), np.float32)
        self.at_once = blocks.rows_at_once(device, self.rows)
        self.states: list[State] = [None] * (self.rows // self.at_once)
        self.pushed_samples = 0
        self.reported_samples = 0
        self.frames = 0

    @property
    def latency_samples(self) -> int:
        """Samples at the codec's rate between a sound and its copy.

        What comes as one, and what the network delays and looks ahead.
        """
        network, spec = self.network, self.network.spec
        together = spec.hop_samples * spec.frames_together
        return together + network.delay_samples + network.lookahead_samples

    @property
    def block_samples(self) -> int:
        """Samples of the source that a push uses best: about a second, in whole blocks."""
        spec = self.network.spec
        block = self.network.blocks_at_once * blocks.BLOCK_FRAMES * spec.hop_samples
        samples = block * max(1, round(spec.sample_rate_hz / block))
        return -(-samples * self.source.sample_rate_hz // spec.sample_rate_hz)

    def push(self, wav: FloatArray) -> Codes:
        """Take wav [C, T] ([B, C, T] for a batch); return the codes of all complete frames.

        Raises UnsupportedAudio for NaN or infinity, ValueError for another shape.
        """
        items = wav[None] if wav.ndim == 2 else wav
        expected = (self.batch, self.source.channels)
        if items.ndim != 3 or items.shape[:2] != expected:
            raise ValueError(f"expected [{expected[0]}, {expected[1]}, T], got {list(wav.shape)}")
        for item in items:
            check_finite(
                "the sound",
                item,
                position=self.pushed_samples,
                sample_rate_hz=self.source.sample_rate_hz,
            )
        self.pushed_samples += items.shape[-1]
        pairs = zip(self.resamplers, items, strict=True)
        return self._advance([resampler.push(item) for resampler, item in pairs], last=False)

    def flush(self) -> Codes:
        """Return the codes of what is left, the last frame filled up with silence."""
        return self._advance([resampler.flush() for resampler in self.resamplers], last=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the state."""
        self.states = [None] * len(self.states)

    def _advance(self, items: list[FloatArray], *, last: bool) -> Codes:
        spec = self.network.spec
        rows = np.concatenate([to_rows(item, spec.channels) for item in items])
        wav = np.concatenate([self.rest, rows], axis=-1)
        whole = wav.shape[-1] if last else wav.shape[-1] // spec.hop_samples * spec.hop_samples
        self.rest = wav[..., whole:].copy()
        indices, scale = self._encode(wav[..., :whole], last=last)
        self.frames += indices.shape[-1]
        return Codes(
            indices=indices,
            spec=spec,
            source=self._covered(last=last),
            model=self.identity,
            scale=scale,
        )

    def _covered(self, *, last: bool) -> Source:
        """Return the stretch of the source that the codes of this push stand for."""
        spec, source = self.network.spec, self.source
        ready = max(0, spec.samples(self.frames) - self.network.delay_samples)
        done = ready * source.sample_rate_hz // spec.sample_rate_hz
        upto = self.pushed_samples if last else min(done, self.pushed_samples)
        samples, self.reported_samples = upto - self.reported_samples, upto
        return Source(source.sample_rate_hz, source.channels, samples, source.ndim)

    @torch.inference_mode()
    def _encode(
        self, wav: FloatArray, *, last: bool
    ) -> tuple[NDArray[np.int32], FloatArray | None]:
        """Return the indices [R, K, F] and the scale [R, S] that wav [R, C, T] completes."""
        network = self.network
        block = network.blocks_at_once * blocks.BLOCK_FRAMES * network.spec.hop_samples
        found = []
        for begin in range(0, max(1, wav.shape[-1]), block):
            piece = torch.from_numpy(wav[..., begin : begin + block]).to(self.device)
            found.append(self._encode_rows(piece, last=last and begin + block >= wav.shape[-1]))
        indices = torch.cat([encoded.indices for encoded in found], dim=-1).cpu().numpy()
        scales = [encoded.scale for encoded in found if encoded.scale is not None]
        scale = torch.cat(scales, dim=-1).cpu().numpy() if scales else None
        return indices.astype(np.int32), scale

    def _encode_rows(self, piece: Tensor, *, last: bool) -> Encoded:
        """Encode a piece [R, C, T], as many rows at once as `rows_at_once` says."""
        found = []
        for i, rows in enumerate(torch.split(piece, self.at_once)):
            with in_precision(self.device, self.dtype):
                encoded = self.network.encode(
                    rows, levels=self.levels, state=self.states[i], last=last
                )
            self.states[i] = encoded.state
            found.append(encoded)
        scales = [encoded.scale for encoded in found if encoded.scale is not None]
        indices = torch.cat([encoded.indices for encoded in found])
        return Encoded(indices, None, torch.cat(scales) if scales else None)
