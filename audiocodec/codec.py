"""Codec: the one interface of every family; length, rate and channels are settled here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocodec.audio.layout import row_count
from audiocodec.audio.limits import check_bounds
from audiocodec.batches import decode_together, encode_together
from audiocodec.codes import Codes, ModelIdentity, Source
from audiocodec.entropy_tables import EntropyTables, TablesFile
from audiocodec.errors import AudioCodecError, UnsupportedAudio, UnsupportedLevels, WrongModel
from audiocodec.families.network import Network
from audiocodec.hub.pretrained import Pretrained
from audiocodec.spec import CodecSpec
from audiocodec.stream import StreamEncoder
from audiocodec.stream_decoder import StreamDecoder

Wav = Tensor | NDArray[np.float32] | NDArray[np.float64]


class Codec(Pretrained):
    """A network with its weights: `encode` sound to codes, `decode` them back.

    The network must be in evaluation mode; `audiocodec.load` returns it so.
    made: how the weights came to be, their licence and attribution; it is saved with them.
    tables_file: what files of its codes are entropy coded with; it is saved with the weights.
        None: packed bits.
    dtype: of its products, see speed.py.
    """

    def __init__(
        self,
        network: Network,
        *,
        identity: ModelIdentity | None = None,
        device: str = "cpu",
        made: Mapping[str, Any] | None = None,
        tables_file: TablesFile | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.device, self.dtype = torch.device(device), dtype
        self.tables_file = tables_file
        if isinstance(network, torch.nn.Module):
            network.to(self.device)
        self.network = network
        self.identity = identity
        self.made = dict(made or {})

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return self.network.spec

    @property
    def tables(self) -> EntropyTables | None:
        """What files of its codes are entropy coded with; None: packed bits."""
        return self.tables_file.tables if self.tables_file else None

    def encode(
        self,
        wav: Wav,
        sample_rate_hz: int | None = None,
        *,
        levels: int | None = None,
        bitrate_bps: float | None = None,
    ) -> Codes:
        """Return the codes of wav: [T], [C, T] or [B, C, T], float, full scale at 1.

        sample_rate_hz: rate of wav (default: the codec's own); other rates are resampled.
        levels: quantizer levels to keep, or bitrate_bps: bits a second of one channel, snapped
            down to whole levels; by default all levels.
        A mono codec codes every channel by itself: C channels cost C times the bit rate.

        Raises UnsupportedAudio for wrong shapes and for NaN or infinity, UnsupportedLevels.
        """
        array = _as_array(wav)
        source = Source(
            sample_rate_hz=self.spec.sample_rate_hz if sample_rate_hz is None else sample_rate_hz,
            channels=1 if array.ndim == 1 else int(array.shape[-2]),
            samples=int(array.shape[-1]),
            ndim=array.ndim,
        )
        check_bounds("the sound", sample_rate_hz=source.sample_rate_hz, channels=source.channels)
        batch = array.shape[0] if array.ndim == 3 else 1
        items = array.reshape(batch, source.channels, source.samples)
        stream = self._encoder(source, self.choose_levels(levels, bitrate_bps), batch)
        pieces = [stream.push(items), stream.flush()]
        scales = [piece.scale for piece in pieces if piece.scale is not None]
        return Codes(
            indices=np.concatenate([piece.indices for piece in pieces], axis=-1),
            spec=self.spec,
            source=source,
            model=self.identity,
            scale=np.concatenate(scales, axis=-1) if scales else None,
        )

    def decode(
        self, codes: Codes, *, levels: int | None = None, force_model: bool = False
    ) -> Tensor:
        """Return the sound as float32 on the CPU, with the shape, length and rate of the input.

        levels: use only the first so many. force_model: decode codes of other weights anyway.
        Raises WrongModel for codes of other weights or of another grid, UnsupportedLevels.
        """
        self.check_identity(codes, force=force_model)
        if levels is not None:
            codes = codes.truncate(levels=levels)
        source = codes.source
        batch = len(codes.indices) // row_count(source.channels, self.spec.channels)
        stream = self._decoder(source, max(1, batch))
        pieces = [stream.push(codes.indices, codes.scale), stream.flush(source.samples)]
        wav = np.concatenate(pieces, axis=-1)[..., : source.samples]
        shape = {1: wav[0, 0], 2: wav[0], 3: wav}
        return torch.from_numpy(np.ascontiguousarray(shape[source.ndim]))

    def encode_batch(
        self,
        wavs: Sequence[Wav],
        sample_rate_hz: int | None = None,
        *,
        levels: int | None = None,
        bitrate_bps: float | None = None,
    ) -> list[Codes]:
        """Return the codes of each of wavs, [T] or [C, T], of any lengths; options as `encode`.

        Nothing is padded: on a CPU every sound is coded by itself, with the very codes that
        `encode` gives. Elsewhere sounds of one length and number of channels go through the
        network together, up to batches.AT_ONCE of them; there the last bits of a product may
        depend on its size, and now and then a code.

        Raises what `encode` raises, before anything is encoded where a shape is wrong.
        """
        sounds = [_as_array(wav) for wav in wavs]
        kept = self.choose_levels(levels, bitrate_bps)
        return encode_together(self, sounds, sample_rate_hz, levels=kept)

    def decode_batch(
        self, batch: Sequence[Codes], *, levels: int | None = None, force_model: bool = False
    ) -> list[Tensor]:
        """Return the sound of each of `batch`, as `decode` does; equal lengths go together.

        What holds for the codes of `encode_batch` holds for these samples.
        """
        for codes in batch:
            self.check_identity(codes, force=force_model)
        if levels is not None:
            batch = [codes.truncate(levels=levels) for codes in batch]
        return decode_together(self, batch)

    def stream_encoder(
        self,
        *,
        levels: int | None = None,
        bitrate_bps: float | None = None,
        sample_rate_hz: int | None = None,
        channels: int = 1,
    ) -> StreamEncoder:
        """Return an encoder that takes blocks [C, T] of any size, with the offline codes."""
        source = Source(sample_rate_hz or self.spec.sample_rate_hz, channels, 0)
        return self._encoder(source, self.choose_levels(levels, bitrate_bps), 1)

    def stream_decoder(
        self, *, sample_rate_hz: int | None = None, channels: int = 1
    ) -> StreamDecoder:
        """Return a decoder that takes indices [R, K, F] of any length."""
        source = Source(sample_rate_hz or self.spec.sample_rate_hz, channels, 0)
        return self._decoder(source, 1)

    def choose_levels(self, levels: int | None, bitrate_bps: float | None) -> int:
        """Return the number of levels for a request; raises UnsupportedLevels."""
        if levels is not None and bitrate_bps is not None:
            raise UnsupportedLevels("levels and bitrate_bps both given; give one of them")
        if bitrate_bps is not None:
            return self.spec.levels_for_bitrate(bitrate_bps)
        return self.spec.check_levels(levels)

    def check_identity(self, codes: Codes, *, force: bool = False) -> None:
        """Raise WrongModel where the codes were made on another grid or by other weights."""
        check_identity(
            made_by=codes.model,
            grid=codes.spec,
            identity=self.identity,
            spec=self.spec,
            force=force,
        )

    def save(self, folder: str | Path, *, dtype: torch.dtype | None = None) -> ModelIdentity:
        """Write the model as a folder that `audiocodec.load` reads; return its identity there.

        dtype: how weights are stored; None for what is usual in the family.
        """
        from audiocodec.entropy_tables import save_tables
        from audiocodec.families.network import CodecNetwork
        from audiocodec.folder import family_of, save_folder

        if self.dtype is not torch.float32:
            raise AudioCodecError(
                "the weights were reduced when loaded; load without dtype to save"
            )
        family = family_of(self.network)
        assert isinstance(self.network, CodecNetwork)  # as every family is
        name = self.identity.name if self.identity else Path(folder).name
        identity = save_folder(
            self.network, Path(folder), family=family, name=name, made=self.made, dtype=dtype
        )
        save_tables(self.tables_file, Path(folder), identity.weights_sha256)
        return identity

    def _encoder(self, source: Source, levels: int, batch: int) -> StreamEncoder:
        return StreamEncoder(
            self.network,
            levels=levels,
            source=source,
            identity=self.identity,
            device=self.device,
            dtype=self.dtype,
            batch=batch,
        )

    def _decoder(self, source: Source, batch: int) -> StreamDecoder:
        return StreamDecoder(
            self.network, source=source, device=self.device, dtype=self.dtype, batch=batch
        )


def check_identity(
    *,
    made_by: ModelIdentity | None,
    grid: CodecSpec,
    identity: ModelIdentity | None,
    spec: CodecSpec,
    force: bool,
) -> None:
    """Raise WrongModel where codes of `made_by` on `grid` are not for this model and spec.

    force: accept other weights, but never another grid.
    """
    same_levels = (
        grid.codebook_sizes == spec.codebook_sizes[: grid.levels]
        and grid.strides == spec.strides[: grid.levels]
    )
    if not same_levels or _time_grid(grid) != _time_grid(spec):
        raise WrongModel(
            f"the codes are on a grid of {grid.sample_rate_hz} Hz, hop {grid.hop_samples}, "
            f"{grid.levels} levels; this model's is {spec.sample_rate_hz} Hz, hop "
            f"{spec.hop_samples}, {spec.levels} levels; load the model that made them"
        )
    if force or made_by is None or identity is None:
        return
    hashes = (made_by.weights_sha256, identity.weights_sha256)
    # Where a foreign writer left the hash out, the name is all there is to go by.
    same = hashes[0] == hashes[1] if all(hashes) else made_by.name == identity.name
    if not same:
        raise WrongModel(
            f"the codes were made with {describe(made_by)}, but {describe(identity)} is loaded; "
            f"load the former, or pass force_model=True (--force-model) to try anyway"
        )


def _time_grid(spec: CodecSpec) -> tuple[int, ...]:
    segments = (spec.segment_frames, spec.segment_samples)
    return (spec.sample_rate_hz, spec.channels, spec.hop_samples, *segments)


def describe(identity: ModelIdentity) -> str:
    """Return one line that names weights: name, revision, start of the hash."""
    revision = f"@{identity.revision}" if identity.revision else ""
    name = identity.name or "a model without a name"
    return f"{name}{revision} (weights {identity.weights_sha256[:12] or 'unknown'})"


def _as_array(wav: Wav) -> NDArray[np.float32]:
    if isinstance(wav, Tensor):
        # numpy has no bfloat16.
        wav = wav.detach().to("cpu", torch.float32 if wav.is_floating_point() else None)
    array = np.asarray(wav)
    if not 1 <= array.ndim <= 3:
        raise UnsupportedAudio(f"[T], [C, T] or [B, C, T] expected, not shape {array.shape}")
    if not np.issubdtype(array.dtype, np.floating):
        raise UnsupportedAudio(
            f"floating-point samples with full scale at 1 expected, not {array.dtype}; "
            f"divide integers by their full scale first"
        )
    if array.ndim > 1 and not 1 <= array.shape[-2] <= 8:
        raise UnsupportedAudio(
            f"1 to 8 channels expected on the axis before time, not {array.shape[-2]} "
            f"(shape {array.shape}); transpose [T, C] to [C, T]"
        )
    if array.ndim == 3 and len(array) == 0:
        raise UnsupportedAudio(f"at least one sound expected, not shape {array.shape}")
    return np.ascontiguousarray(array, dtype=np.float32)
