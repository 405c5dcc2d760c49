"""Streams: the only owners of state and remainders; offline coding is one big push."""

from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodec.audio.layout import from_rows, row_count, to_rows
from audiocodec.audio.limits import check_finite
from audiocodec.audio.resample import Resampler
from audiocodec.codes import Codes, ModelIdentity, Source
from audiocodec.families.network import Network
from audiocodec.layers.state import State

FloatArray = NDArray[np.float32]

BLOCK_FRAMES = 64
"""Frames that go through the network at once: bounds memory, and keeps it in the cache.

A multiple of 16, so that exact products (layers/exact.py) need no filling up.
"""
FADE_OUT_S = 0.06
"""How long the last sound before a loss lingers."""


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
        batch: int = 1,
    ) -> None:
        self.network, self.levels, self.source = network, levels, source
        self.identity, self.device, self.batch = identity, device, batch
        spec = network.spec
        self.resamplers = [
            Resampler(source.sample_rate_hz, spec.sample_rate_hz, source.channels)
            for _ in range(batch)
        ]
        self.rows = batch * row_count(source.channels, spec.channels)
        self.rest: FloatArray = np.zeros((self.rows, spec.channels, 0), np.float32)
        self.states: list[State] = [None] * self.rows
        self.pushed_samples = 0
        self.reported_samples = 0
        self.frames = 0

    @property
    def latency_samples(self) -> int:
        """Samples at the codec's rate between a sound and its copy: one hop and the delay."""
        return self.network.spec.hop_samples + self.network.delay_samples

    @property
    def block_samples(self) -> int:
        """Samples of the source that a push uses best: about a second, in whole BLOCK_FRAMES."""
        spec = self.network.spec
        block = BLOCK_FRAMES * spec.hop_samples
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
        if last:
            total = self.frames * spec.hop_samples + wav.shape[-1]
            late = self.network.delay_samples if total else 0
            missing = late + -(wav.shape[-1] + late) % spec.hop_samples
            wav = np.pad(wav, ((0, 0), (0, 0), (0, missing)))
        whole = wav.shape[-1] // spec.hop_samples * spec.hop_samples
        self.rest = wav[..., whole:].copy()
        indices = self._encode(wav[..., :whole])
        self.frames += indices.shape[-1]
        return Codes(
            indices=indices,
            spec=spec,
            source=self._covered(last=last),
            model=self.identity,
        )

    def _covered(self, *, last: bool) -> Source:
        """Return the stretch of the source that the codes of this push stand for."""
        spec, source = self.network.spec, self.source
        ready = max(0, self.frames * spec.hop_samples - self.network.delay_samples)
        done = ready * source.sample_rate_hz // spec.sample_rate_hz
        upto = self.pushed_samples if last else min(done, self.pushed_samples)
        samples, self.reported_samples = upto - self.reported_samples, upto
        return Source(source.sample_rate_hz, source.channels, samples, source.ndim)

    @torch.inference_mode()
    def _encode(self, wav: FloatArray) -> NDArray[np.int32]:
        """Return the indices [R, K, F] of whole frames wav [R, C, F hop]."""
        hop = self.network.spec.hop_samples
        block = BLOCK_FRAMES * hop
        pieces = [np.zeros((len(wav), self.levels, 0), np.int32)]
        for begin in range(0, wav.shape[-1], block):
            piece = torch.from_numpy(wav[..., begin : begin + block]).to(self.device)
            rows = []
            for i, row in enumerate(piece):
                found, self.states[i] = self.network.encode(
                    row[None], levels=self.levels, state=self.states[i]
                )
                rows.append(found)
            pieces.append(torch.cat(rows).cpu().numpy().astype(np.int32))
        return np.concatenate(pieces, axis=-1)


class StreamDecoder:
    """Codes in pieces of any size to sound at the source's rate and channels."""

    def __init__(
        self, network: Network, *, source: Source, device: torch.device, batch: int = 1
    ) -> None:
        self.network, self.source, self.device, self.batch = network, source, device, batch
        self.resamplers = [
            Resampler(network.spec.sample_rate_hz, source.sample_rate_hz, source.channels)
            for _ in range(batch)
        ]
        self.rows = batch * row_count(source.channels, network.spec.channels)
        self.states: list[State] = [None] * self.rows
        self.last: NDArray[np.int32] | None = None  # codes of the last good frame, [R, K, 1]
        self.lost_frames = 0  # since that one
        self.given_samples = 0
        self.skip_samples = network.delay_samples  # of the network's output, still to drop

    def push(self, indices: NDArray[np.int32]) -> FloatArray:
        """Take indices [R, K, F]; return the sound that is complete, [B, C, T].

        Raises ValueError for another shape, and for indices that are in no codebook.
        """
        self._check(indices)
        if indices.shape[-1] == 0:
            return self._give(np.zeros((self.rows, self.network.spec.channels, 0), np.float32))
        if self.lost_frames:
            self.states = [None] * self.rows
        wav = self._decode(indices)
        if self.lost_frames:
            hop = self.network.spec.hop_samples
            wav[..., :hop] *= np.linspace(0, 1, hop, endpoint=False, dtype=np.float32)
        self.last, self.lost_frames = indices[..., -1:].copy(), 0
        return self._give(wav)

    def conceal(self, frames: int) -> FloatArray:
        """Stand in for `frames` lost frames; return the sound that is complete, [B, C, T].

        The codes of the last good frame are held while the sound fades out over FADE_OUT_S;
        silence follows. The next push begins from a fresh state, because nobody knows the true
        one, and fades in over its first frame.
        """
        spec = self.network.spec
        fade_samples = round(FADE_OUT_S * spec.sample_rate_hz)
        wav = np.zeros((self.rows, spec.channels, frames * spec.hop_samples), np.float32)
        held = min(frames, spec.frames(fade_samples) - self.lost_frames)
        if self.last is not None and held > 0:
            begin, samples = self.lost_frames * spec.hop_samples, held * spec.hop_samples
            fade = 1 - np.arange(begin, begin + samples, dtype=np.float32) / fade_samples
            sound = self._decode(np.repeat(self.last, held, axis=-1))
            wav[..., :samples] = sound * np.maximum(fade, 0)
        self.lost_frames += frames
        return self._give(wav)

    def flush(self, samples: int | None = None) -> FloatArray:
        """Return what is left, [B, C, T], so that `samples` were given in all (None: all)."""
        tail = np.stack([resampler.flush() for resampler in self.resamplers])
        self.given_samples += tail.shape[-1]
        if samples is None:
            return tail
        wanted = samples - (self.given_samples - tail.shape[-1])
        if wanted >= tail.shape[-1]:
            return np.pad(tail, ((0, 0), (0, 0), (0, wanted - tail.shape[-1])))
        return tail[..., : max(0, wanted)]

    def _give(self, rows: FloatArray) -> FloatArray:
        """Return the sound [B, C, T] at the source's rate that rows [R, C, T] complete."""
        skipped = min(self.skip_samples, rows.shape[-1])
        rows, self.skip_samples = rows[..., skipped:], self.skip_samples - skipped
        pairs = zip(self.resamplers, np.split(rows, self.batch), strict=True)
        wav = np.stack([r.push(from_rows(item, self.source.channels)) for r, item in pairs])
        self.given_samples += wav.shape[-1]
        return wav

    def _check(self, indices: NDArray[np.int32]) -> None:
        sizes, shape = self.network.spec.codebook_sizes, indices.shape
        if len(shape) != 3 or shape[0] != self.rows or not 1 <= shape[1] <= len(sizes):
            raise ValueError(f"expected [{self.rows}, 1 to {len(sizes)}, F], got {list(shape)}")
        limits = np.array(sizes[: indices.shape[1]])[:, None]
        if ((indices < 0) | (indices >= limits)).any():
            raise ValueError("indices beyond the codebooks, or negative")

    @torch.inference_mode()
    def _decode(self, indices: NDArray[np.int32]) -> FloatArray:
        """Return the sound [R, C, F hop] of indices [R, K, F]."""
        pieces = []
        for begin in range(0, indices.shape[-1], BLOCK_FRAMES):
            piece = torch.from_numpy(indices[..., begin : begin + BLOCK_FRAMES])
            rows: list[Tensor] = []
            for i, row in enumerate(piece.to(self.device).long()):
                wav, self.states[i] = self.network.decode(row[None], state=self.states[i])
                rows.append(wav)
            pieces.append(torch.cat(rows).cpu().numpy())
        return np.concatenate(pieces, axis=-1)
