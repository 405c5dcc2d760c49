"""EnCodec (arXiv 2210.13438): SEANet with an LSTM, and a residual quantizer.

The 24 kHz model is causal. That for 48 kHz stereo and that for 32 kHz are not; the former
normalises over time, so it codes segments of a second one by one and crossfades them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from audiocodec.layers.push import lookahead_samples
from audiocodec.layers.state import State
from audiocodec.quantize.residual import ResidualQuantizer
from audiocodec.spec import CodecSpec

from .network import CodecNetwork, Encoded
from .seanet import SeanetConfig, build_decoder, build_encoder, check_flag, check_sizes
from .segments import Crossfade, cut_segments, loudness


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodecConfig(SeanetConfig):
    """Everything that shapes the network; the defaults are the 24 kHz model's.

    segment_samples, segment_stride: length of a segment, and from the beginning of one to that
        of the next; 0 and 0: no segments.
    normalize: every segment is coded at a root mean square of 1, its own one beside the codes.
    """

    sample_rate_hz: int = 24_000
    segment_samples: int = 0
    segment_stride: int = 0
    normalize: bool = False
    levels: int = 32
    codebook_size: int = 1024

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no network, or an absurdly large one."""
        SeanetConfig.__post_init__(self)  # slots=True makes a new class, which super() misses
        for name in ("sample_rate_hz", "levels"):
            check_sizes(name, getattr(self, name))
        check_sizes("codebook_size", self.codebook_size, least=2)
        check_flag("normalize", self.normalize)
        for name in ("segment_samples", "segment_stride"):
            check_sizes(name, getattr(self, name), least=0)
        if self.segment_samples:
            if not self.segment_samples < 2 * self.segment_stride <= 2 * self.segment_samples:
                raise ValueError("segments overlap by half or more, or leave gaps")
        elif self.norm != "none" or self.normalize or self.segment_stride:
            raise ValueError("to normalise over time, or a segment_stride, needs segment_samples")

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return CodecSpec(
            sample_rate_hz=self.sample_rate_hz,
            channels=self.channels,
            hop_samples=self.hop_samples,
            codebook_sizes=(self.codebook_size,) * self.levels,
            segment_frames=-(-self.segment_samples // self.hop_samples),
            segment_samples=self.segment_stride,
        )


class Encodec(CodecNetwork):
    """The whole network, as `Codec` sees it."""

    config: EncodecConfig

    def __init__(self, config: EncodecConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config)
        self.quantizer = ResidualQuantizer(
            dim=config.latent_dim, levels=config.levels, codebook_size=config.codebook_size
        )
        self.decoder = build_decoder(config)

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return self.config.spec

    @property
    def lookahead_samples(self) -> int:
        """Samples beyond a frame's own, or a segment's, that its sound waits for.

        Where the padding mirrors the beginning, only the first frames wait that long.
        """
        config = self.config
        if not config.segment_samples:
            return lookahead_samples(self.encoder, self.decoder, config.hop_samples)
        # Sound comes in whole hops, and segments may end between them.
        worst = max(
            -(begin + config.segment_samples) % config.hop_samples
            for begin in range(0, config.segment_stride * config.hop_samples, config.segment_stride)
        )
        return config.segment_samples + worst - self.spec.segment_frames * config.hop_samples

    @property
    def blocks_at_once(self) -> int:
        """How many of blocks.BLOCK_FRAMES it computes best at once: an LSTM's weights are large."""
        return 4

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, C, T] to the codes of all frames that are complete now; see `Network`.

        The last piece may have any length.
        """
        if self.config.segment_samples:
            return self._encode_segments(wav, levels, state, last=last)
        if state is None and wav.shape[-1] == 0:
            return Encoded(self._no_codes(wav, levels), None)
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
        """Map indices [R, levels, F] to the sound that is complete now; see `Network`.

        With segments, F is a multiple of spec.segment_frames in all pieces but the last with any.
        """
        if self.config.segment_samples:
            return self._decode_segments(indices, state, scale, last=last)
        if state is None and indices.shape[-1] == 0:
            codebooks = self.quantizer.codebooks
            return codebooks.new_zeros(len(indices), self.config.channels, 0), None
        wav, after = self.decoder(self.quantizer.decode(indices), state, last)
        return wav, after

    def _no_codes(self, wav: Tensor, levels: int) -> Tensor:
        return torch.zeros(len(wav), levels, 0, dtype=torch.long, device=wav.device)

    def _encode_segments(self, wav: Tensor, levels: int, state: State, *, last: bool) -> Encoded:
        """Encode all complete segments; the state is the sound from the next one on."""
        config = self.config
        heard = torch.cat([state, wav], dim=-1) if isinstance(state, Tensor) else wav
        segments, rest = cut_segments(
            heard,
            samples=config.segment_samples,
            stride=config.segment_stride,
            hop=config.hop_samples,
            last=last,
        )
        indices, scales = [self._no_codes(wav, levels)], [wav.new_zeros(len(wav), 0)]
        for segment in segments:
            scale = loudness(segment) if config.normalize else segment.new_ones(len(segment), 1)
            latents, _ = self.encoder(segment / scale[..., None], None, True)
            indices.append(self.quantizer.encode(latents, levels))
            scales.append(scale)
        return Encoded(torch.cat(indices, dim=-1), rest, torch.cat(scales, dim=-1))

    def _decode_segments(
        self, indices: Tensor, state: State, scale: Tensor | None, *, last: bool
    ) -> tuple[Tensor, State]:
        """Decode segments and crossfade them; the state is what the next one may change."""
        config = self.config
        together = self.spec.segment_frames
        fade = Crossfade(together * config.hop_samples, config.segment_stride)
        ready = []
        for n, codes in enumerate(torch.split(indices, together, dim=-1)):
            wav, _ = self.decoder(self.quantizer.decode(codes), None, True)
            if scale is not None:
                wav = wav * scale[:, n, None, None]
            given, state = fade.add(wav, state)
            ready.append(given)
        if last:
            ready.append(fade.rest(state))
        if not ready:
            ready = [self.quantizer.codebooks.new_zeros(len(indices), config.channels, 0)]
        return torch.cat(ready, dim=-1), state
