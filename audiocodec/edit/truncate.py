"""Fewer levels: the same sound at a lower bit rate."""

from audiocodec.bitstream.items import Gap
from audiocodec.bitstream.reader import Reader
from audiocodec.codes_io import create_codes, open_codes, refuse_same
from audiocodec.entropy_tables import EntropyTables
from audiocodec.errors import UnsupportedLevels
from audiocodec.packing import spec_of

from .copying import Copy, EditReport, PathOrStream, check_sound_length


def truncate_file(
    source: PathOrStream,
    target: PathOrStream,
    *,
    levels: int | None = None,
    bitrate_bps: float | None = None,
    strict: bool = False,
    overwrite: bool = False,
    tables: EntropyTables | None = None,
) -> EditReport:
    """Keep only the first levels: the same sound at a lower bit rate.

    The result is what encoding with so few levels would have given, byte for byte.

    levels: so many. bitrate_bps: as many as stay within these bits a second of one row (channel);
        chunks that have fewer stay as they are. Exactly one of the two.
    strict: refuse damaged input. overwrite: replace an existing target.
    tables: to divide an entropy coded layer, those of the model (`tables_of_model`); the embedded
        model's, and those in the Hub's cache, are found without.

    Raises UnsupportedLevels when the file holds fewer levels than asked for, or not one is within
    the bit rate; FormatError for what is no `.codes` file, OutputExists, and AudioCodecError for
    what cannot be read or written.
    """
    if (levels is None) == (bitrate_bps is None):
        raise UnsupportedLevels("give either levels or bitrate_bps")
    refuse_same(source, target)
    with open_codes(source) as file:
        reader = Reader(file, levels=levels, strict=strict)
        header = reader.header
        kept = levels if bitrate_bps is None else spec_of(header).levels_for_bitrate(bitrate_bps)
        with create_codes(target, overwrite=overwrite) as output:
            copy = Copy(output, header, tables)
            for item in reader.with_coded():
                if not isinstance(item, Gap) and not copy.levels:
                    _check_present(levels, item.levels)
                copy.add(item, levels=kept)
            check_sound_length(reader)
            return copy.finish(reader.source_samples)


def _check_present(asked: int | None, found: int) -> None:
    if asked is not None and asked > found:
        raise UnsupportedLevels(
            f"{asked} levels asked for, but these codes hold {found}; choose 1 to {found}"
        )
