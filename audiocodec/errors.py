"""Every error that audiocodec raises on purpose, in one tree.

    AudioCodecError
    ├── UnknownModel        no such model, folder or preset, or it cannot be fetched
    ├── WeightsMismatch     tensors on disk are not the ones the configuration asks for
    ├── UnsupportedAudio    sound that cannot be read, written or coded
    ├── UnsupportedLevels   more levels, or fewer bits, than the model has
    ├── NotStreamable       the model needs the future, so it cannot be streamed
    ├── OutputExists        the output is there already and overwriting was not asked for
    ├── MissingExtra        an optional dependency is not installed
    └── FormatError         a .codes file that cannot be read
        ├── NotACodesFile       it does not begin like one
        ├── UnsupportedVersion  it is newer than this program, or needs a feature it lacks
        ├── Truncated           it ends too early
        ├── Corrupt             a checksum or a declared size is wrong
        └── WrongModel          it was made with other weights

Each message says what was expected, what arrived, and what to do. Anything else that is
raised is a bug.
"""


class AudioCodecError(Exception):
    """Root of the tree: catch this to catch everything that audiocodec raises on purpose."""


class UnknownModel(AudioCodecError):
    """No such model, folder or preset, or it could not be fetched."""


class WeightsMismatch(AudioCodecError):
    """Tensors on disk are not the ones that the configuration asks for."""


class UnsupportedAudio(AudioCodecError):
    """Sound that cannot be read, written or coded."""


class UnsupportedLevels(AudioCodecError):
    """More quantizer levels, or a lower bit rate, than the model has."""


class NotStreamable(AudioCodecError):
    """The model needs the future, so it cannot be streamed."""


class OutputExists(AudioCodecError):
    """The output is there already and overwriting was not asked for."""


class MissingExtra(AudioCodecError):
    """An optional dependency is not installed; the message names the extra."""


class FormatError(AudioCodecError):
    """A .codes file that cannot be read."""


class NotACodesFile(FormatError):
    """The bytes do not begin like a .codes file."""


class UnsupportedVersion(FormatError):
    """The file is newer than this program, or needs a feature that it lacks."""


class Truncated(FormatError):
    """The file ends too early."""


class Corrupt(FormatError):
    """A checksum or a declared size is wrong."""


class WrongModel(FormatError):
    """The file was made with other weights than the ones at hand."""
