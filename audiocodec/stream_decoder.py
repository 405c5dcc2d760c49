"""Codes to sound in pieces, and over gaps; offline decoding is one big push."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodec import blocks
from audiocodec.audio.layout import from_rows, row_count
from audiocodec.audio.resample import Resampler
from audiocodec.codes import Source
from audiocodec.families.network import Network
from audiocodec.layers.state import State
from audiocodec.speed import in_precision

FloatArray = NDArray[np.float32]

FADE_OUT_S = 0.06
"""How long the last sound before a loss lingers."""


class StreamDecoder:
    """Codes in pieces of any size to sound at the source's rate and channels."""

    def __init__(
        self,
        network: Network,
        *,
        source: Source,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        batch: int = 1,
    ) -> None:
        self.network, self.source, self.batch = network, source, batch
        self.device, self.dtype = device, dtype
        spec = network.spec
        self.resamplers = [
            Resampler(spec.sample_rate_hz, source.sample_rate_hz, source.channels)
            for _ in range(batch)
        ]
        self.rows = batch * row_count(source.channels, spec.channels)
        self.at_once = blocks.rows_at_once(device, self.rows)
        self.states: list[State] = [None] * (self.rows // self.at_once)
        self.last: NDArray[np.int32] | None = None  # codes of the last good frames, [R, K, f]
        self.last_scale: FloatArray | None = None
        self.fade: FloatArray | None = None  # what is left to stand in for a loss; None: no loss
        self.given_samples = 0
        self.skip_samples = network.delay_samples  # of the network's output, still to drop

    def push(self, indices: NDArray[np.int32], scale: FloatArray | None = None) -> FloatArray:
        """Take indices [R, K, F]; return the sound that is complete, [B, C, T].

        scale: [R, S], the gains of the segments that begin in these frames, for a codec that has
            segments; F is then a multiple of spec.segment_frames in every push but the last, as
            it is of the largest of spec.strides.
        Raises ValueError for another shape, and for indices that are in no codebook.
        """
        self._check(indices, scale)
        if indices.shape[-1] == 0:
            return self._give(np.zeros((self.rows, self.network.spec.channels, 0), np.float32))
        wav = self._decode(indices, scale)
        if self.fade is not None:
            ramp = min(self.network.spec.hop_samples, wav.shape[-1])
            wav[..., :ramp] *= np.linspace(0, 1, ramp, endpoint=False, dtype=np.float32)
        together = self.network.spec.frames_together
        self.last, self.fade = indices[..., -together:].copy(), None
        self.last_scale = None if scale is None else scale[:, -1:].copy()
        return self._give(wav)

    def conceal(self, frames: int) -> FloatArray:
        """Stand in for `frames` lost frames; return the sound that is complete, [B, C, T].

        The codes of the last good frame are held while the sound fades out over FADE_OUT_S;
        silence follows. The next push begins from a fresh state, because nobody knows the true
        one, and fades in over its first frame.
        """
        before = np.zeros((self.rows, self.network.spec.channels, 0), np.float32)
        if frames and self.fade is None:
            before, self.fade = self._break_off() if self.last is not None else (before, before)
        wanted, fade = self.network.spec.samples(frames), before[..., :0]
        if self.fade is not None:
            fade, self.fade = self.fade[..., :wanted], self.fade[..., wanted:]
        silence = np.zeros((*fade.shape[:2], wanted - fade.shape[-1]), np.float32)
        return self._give(np.concatenate([before, fade, silence], axis=-1))

    def _break_off(self) -> tuple[FloatArray, FloatArray]:
        """End the signal before a loss; return its rest, and what fades out after it."""
        assert self.last is not None
        spec = self.network.spec
        fade_samples = round(FADE_OUT_S * spec.sample_rate_hz)
        repeats = -(-spec.frames(fade_samples) // self.last.shape[-1])
        scale = None if self.last_scale is None else np.repeat(self.last_scale, repeats, axis=-1)
        held = np.tile(self.last, repeats)
        sound = self._decode(held, scale, last=True)
        self.states = [None] * len(self.states)
        begin = max(0, sound.shape[-1] - spec.samples(held.shape[-1]))
        ramp = 1 - np.arange(sound.shape[-1] - begin, dtype=np.float32) / fade_samples
        return sound[..., :begin], sound[..., begin:] * np.maximum(ramp, 0)

    def flush(self, samples: int | None = None) -> FloatArray:
        """Return what is left, [B, C, T], so that `samples` were given in all (None: all)."""
        empty = np.zeros((self.rows, 1, 0), np.int32)
        ended = self.last is None or self.fade is not None
        wav = [] if ended else [self._give(self._decode(empty, None, last=True))]
        self.last = None
        wav.append(np.stack([resampler.flush() for resampler in self.resamplers]))
        tail = np.concatenate(wav, axis=-1)
        self.given_samples += wav[-1].shape[-1]
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

    def _check(self, indices: NDArray[np.int32], scale: FloatArray | None) -> None:
        spec, shape = self.network.spec, indices.shape
        sizes = spec.codebook_sizes
        if len(shape) != 3 or shape[0] != self.rows or not 1 <= shape[1] <= len(sizes):
            raise ValueError(f"expected [{self.rows}, 1 to {len(sizes)}, F], got {list(shape)}")
        limits = np.array(sizes[: indices.shape[1]])[:, None]
        if ((indices < 0) | (indices >= limits)).any():
            raise ValueError("indices beyond the codebooks, or negative")
        if spec.segment_frames:
            segments = -(-shape[-1] // spec.segment_frames)
            found = None if scale is None else list(scale.shape)
            if found != [self.rows, segments]:
                raise ValueError(f"expected a scale [{self.rows}, {segments}], got {found}")

    @torch.inference_mode()
    def _decode(
        self, indices: NDArray[np.int32], scale: FloatArray | None, *, last: bool = False
    ) -> FloatArray:
        """Return the sound [R, C, T] that indices [R, K, F] and their scale complete."""
        together = self.network.spec.frames_together
        block = -(-self.network.blocks_at_once * blocks.BLOCK_FRAMES // together) * together
        pieces = []
        for begin in range(0, max(1, indices.shape[-1]), block):
            piece = torch.from_numpy(indices[..., begin : begin + block]).to(self.device).long()
            gains = None
            if scale is not None:
                segments = slice(begin // together, (begin + block) // together)
                gains = torch.from_numpy(scale[:, segments]).to(self.device)
            ends = last and begin + block >= indices.shape[-1]
            pieces.append(self._decode_rows(piece, gains, last=ends).cpu().numpy())
        return np.concatenate(pieces, axis=-1)

    def _decode_rows(self, piece: Tensor, gains: Tensor | None, *, last: bool) -> Tensor:
        """Decode a piece [R, K, F], as many rows at once as `rows_at_once` says."""
        found: list[Tensor] = []
        for i, rows in enumerate(torch.split(piece, self.at_once)):
            gain = None if gains is None else gains[i * self.at_once : (i + 1) * self.at_once]
            with in_precision(self.device, self.dtype):
                wav, self.states[i] = self.network.decode(
                    rows, state=self.states[i], last=last, scale=gain
                )
            found.append(wav.float())
        return torch.cat(found)
