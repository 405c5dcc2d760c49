"""Sound file to .codes file and back, block by block: memory does not grow with the length."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from audiocodec.atomic import refuse_existing
from audiocodec.audio.layout import to_mono
from audiocodec.audio.limits import PathLike
from audiocodec.audio.pcm import RawFormat
from audiocodec.audio.read import open_sound
from audiocodec.audio.write import Container, SampleEncoding, SoundWriter
from audiocodec.bitstream.reader import Reader
from audiocodec.bitstream.writer import Writer
from audiocodec.codes import Source
from audiocodec.codes_io import create_codes, open_codes, refuse_same
from audiocodec.entropy_tables import tables_named
from audiocodec.errors import UnsupportedAudio
from audiocodec.levelling import measure_level, undoing_factor
from audiocodec.load import load
from audiocodec.packing import Metadata, batch_of, build_header, identity_of, spec_of
from audiocodec.reports import DecodeReport as DecodeReport
from audiocodec.reports import EncodeReport as EncodeReport
from audiocodec.reports import Progress as Progress

if TYPE_CHECKING:
    from audiocodec.codec import Codec


def encode_file(
    source: PathLike | BinaryIO,
    target: PathLike | BinaryIO,
    *,
    codec: "Codec | None" = None,
    model: str | Path | None = None,
    device: str = "cpu",
    levels: int | None = None,
    bitrate_bps: float | None = None,
    mono: bool = False,
    raw: RawFormat | None = None,
    overwrite: bool = False,
    metadata: Metadata | None = None,
    tags: bool = False,
    entropy: bool = True,
    normalize_lufs: float | None = None,
    layer_levels: int = 4,
    progress: Callable[[Progress], None] | None = None,
) -> EncodeReport:
    """Encode a sound file or stream to a .codes file or stream.

    The codes are those of `Codec.encode` on the whole sound, to the last bit. To a stream, every
    chunk of about a second goes out as soon as it is complete.

    codec, or else model and device for `load`: what encodes; by default the embedded model.
    levels, bitrate_bps: as for `Codec.encode`; the bit rate is that of one channel.
    mono: mix all channels down to one first.
    raw: what a source of bare samples does not say itself.
    overwrite: replace an existing target. If anything fails, it stays as it was.
    metadata: text to keep in the file, by keys such as title, artist, album, date, comment: a
        mapping, or pairs where a key comes more than once.
    tags: keep those five of the source as well, unless metadata has the key.
    entropy: code the codes themselves, without loss, where the model has tables for it and it
        makes a chunk smaller.
    normalize_lufs: amplify the sound to this integrated loudness (ITU-R BS.1770), as far as its
        peak allows, before it is encoded. The file is read twice. Loudness and gain are kept as
        metadata, and `decode_file` takes the gain back.
    layer_levels: how many levels can be read, sent or lost only together; 1 costs 6 % of a file.
    progress: called after every block.

    Raises UnsupportedAudio for a source that cannot be read or holds NaN or infinity,
    UnsupportedLevels, OutputExists, FormatError for metadata that the format does not take, what
    `load` raises, and AudioCodecError when the target cannot be written.
    """
    refuse_same(source, target)
    text, factor = _kept_text(metadata or (), {}), np.float32(1)
    if normalize_lufs is not None:
        level = measure_level(source, normalize_lufs, raw=raw, mono=mono)
        text, factor = level.metadata + text, np.float32(level.factor)
    with open_sound(source, raw=raw) as sound, create_codes(target, overwrite=overwrite) as file:
        codec = codec or load(model, device=device)
        rate, channels = sound.sample_rate_hz, 1 if mono else sound.channels
        total_s = None if sound.samples is None else sound.samples / rate
        kept = codec.choose_levels(levels, bitrate_bps)
        stream = codec.stream_encoder(levels=kept, sample_rate_hz=rate, channels=channels)
        tables = codec.tables if entropy else None
        header = build_header(
            codec.spec,
            Source(rate, channels, sound.samples or 0),
            codec.identity,
            rows=stream.rows,
            length_known=sound.samples is not None,
            metadata=_kept_text(text, sound.tags if tags else {}),
            tables=tables,
            layer_levels=layer_levels,
        )
        start_s = time.perf_counter()
        writer = Writer(cast(BinaryIO, file), header, tables=tables)
        for block in sound.blocks(stream.block_samples):
            codes = stream.push(factor * (to_mono(block) if mono else block))
            writer.write(codes.indices, codes.scale)
            file.flush()
            if progress is not None:
                progress(Progress(stream.pushed_samples / rate, total_s))
        codes = stream.flush()
        writer.write(codes.indices, codes.scale)
        writer.finish(stream.pushed_samples)
        file.flush()
        return EncodeReport(
            source_samples=stream.pushed_samples,
            sample_rate_hz=rate,
            channels=channels,
            frames=stream.frames,
            levels=kept,
            bitrate_bps=codec.spec.bitrate_bps(kept) * stream.rows,
            bytes_written=file.bytes_written,
            duration_s=stream.pushed_samples / rate,
            elapsed_s=time.perf_counter() - start_s,
        )


def decode_file(
    source: PathLike | BinaryIO,
    target: PathLike | BinaryIO,
    *,
    codec: "Codec | None" = None,
    model: str | Path | None = None,
    device: str = "cpu",
    levels: int | None = None,
    encoding: SampleEncoding = "pcm16",
    container: Container = "wav",
    strict: bool = False,
    force_model: bool = False,
    overwrite: bool = False,
    keep_gain: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> DecodeReport:
    """Decode a .codes file or stream to a sound file or stream of the source's rate and channels.

    The length is the source's as well; that of a file whose end is lost, and of a live stream,
    is that of the frames that are there. Lost frames in between are replaced by what
    `StreamDecoder.conceal` makes up, so that everything after them keeps its time; the report
    tells which.

    codec, or else model and device for `load`: what decodes; by default the embedded model if it
        made the codes, otherwise the model of the Hub that the file names.
    levels: use only the first so many.
    encoding, container: as for `SoundWriter`.
    strict: refuse a damaged file instead of concealing.
    force_model: decode with the given or the embedded model even if others made the codes.
    overwrite: replace an existing target. If anything fails, it stays as it was.
    keep_gain: leave a sound that was normalised as loud as it was made.
    progress: called after every chunk.

    Raises FormatError for a source that is no .codes file, or hopelessly damaged; WrongModel or
    UnknownModel, naming both models, UnsupportedLevels, OutputExists, and UnsupportedAudio or
    AudioCodecError when the target cannot be written.
    """
    from audiocodec.match import codec_for
    from audiocodec.playback import Playback

    refuse_same(source, target)
    with open_codes(source) as file:
        reader = Reader(file, levels=levels, strict=strict)
        header = reader.header
        _refuse_batch(batch_of(header))
        output = SoundWriter(
            target,
            sample_rate_hz=header.source_sample_rate_hz,
            channels=header.source_channels,
            encoding=encoding,
            container=container,
            overwrite=overwrite,
        )
        if isinstance(target, (str, os.PathLike)):
            refuse_existing(target, overwrite=overwrite)  # before the model takes its second
        chosen = codec_for(
            identity_of(header),
            spec_of(header),
            codec=codec,
            model=model,
            device=device,
            force=force_model,
        )
        reader.tables = tables_named(header.entropy_tables, chosen.tables)
        start_s = time.perf_counter()
        with output:
            factor = 1.0 if keep_gain else undoing_factor(header.metadata)
            playback = Playback(reader, chosen, output, levels=levels, strict=strict, factor=factor)
            played = playback.run(progress)
        elapsed_s = time.perf_counter() - start_s
    return DecodeReport(
        samples=played.samples,
        sample_rate_hz=output.sample_rate_hz,
        channels=output.channels,
        frames=reader.frames,
        levels=played.levels,
        duration_s=played.samples / output.sample_rate_hz,
        elapsed_s=elapsed_s,
        gaps=tuple(played.gaps),
        clipped_samples=output.clipped_samples,
        peak=output.peak,
    )


def _kept_text(metadata: Metadata, tags: Mapping[str, str]) -> list[tuple[str, str]]:
    given = list(metadata.items() if isinstance(metadata, Mapping) else metadata)
    keys = {key for key, _ in given}
    return [(key, text) for key, text in tags.items() if key not in keys] + given


def _refuse_batch(sounds: int) -> None:
    if sounds > 1:
        raise UnsupportedAudio(
            f"the file holds a batch of {sounds} sounds, which no sound file does; "
            f"read it with Codes.load and decode it with Codec.decode"
        )
