"""A neural audio codec: sound to a few kilobits a second of integer codes, and back.

Every public name is loaded on first use (PEP 562), so that `import audiocodec` and the command
line's `--help` cost milliseconds, not the import of torch.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiocodec.codec import Codec as Codec
    from audiocodec.codes import Codes as Codes
    from audiocodec.codes import ModelIdentity as ModelIdentity
    from audiocodec.codes import Source as Source
    from audiocodec.edit import cat_files as cat_files
    from audiocodec.edit import cut_file as cut_file
    from audiocodec.edit import truncate_file as truncate_file
    from audiocodec.edit import verify_file as verify_file
    from audiocodec.errors import AudioCodecError as AudioCodecError
    from audiocodec.errors import Corrupt as Corrupt
    from audiocodec.errors import FormatError as FormatError
    from audiocodec.errors import MissingExtra as MissingExtra
    from audiocodec.errors import NotACodesFile as NotACodesFile
    from audiocodec.errors import NotStreamable as NotStreamable
    from audiocodec.errors import OutputExists as OutputExists
    from audiocodec.errors import Truncated as Truncated
    from audiocodec.errors import UnknownModel as UnknownModel
    from audiocodec.errors import UnsupportedAudio as UnsupportedAudio
    from audiocodec.errors import UnsupportedLevels as UnsupportedLevels
    from audiocodec.errors import UnsupportedVersion as UnsupportedVersion
    from audiocodec.errors import WeightsMismatch as WeightsMismatch
    from audiocodec.errors import WrongModel as WrongModel
    from audiocodec.files import decode_file as decode_file
    from audiocodec.files import encode_file as encode_file
    from audiocodec.load import load as load
    from audiocodec.spec import CodecSpec as CodecSpec
    from audiocodec.stream import StreamEncoder as StreamEncoder
    from audiocodec.stream_decoder import StreamDecoder as StreamDecoder

__version__ = "0.1.0"

_HOMES = {
    "codec": ("Codec",),
    "codes": ("Codes", "ModelIdentity", "Source"),
    "edit": ("cat_files", "cut_file", "truncate_file", "verify_file"),
    "errors": (
        "AudioCodecError",
        "Corrupt",
        "FormatError",
        "MissingExtra",
        "NotACodesFile",
        "NotStreamable",
        "OutputExists",
        "Truncated",
        "UnknownModel",
        "UnsupportedAudio",
        "UnsupportedLevels",
        "UnsupportedVersion",
        "WeightsMismatch",
        "WrongModel",
    ),
    "files": ("decode_file", "encode_file"),
    "load": ("load",),
    "spec": ("CodecSpec",),
    "stream": ("StreamEncoder",),
    "stream_decoder": ("StreamDecoder",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


if not TYPE_CHECKING:  # to a type checker, this function would make every misspelt name exist

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module 'audiocodec' has no attribute {name!r}")
        value = getattr(import_module(f"audiocodec.{home}"), name)
        globals()[name] = value  # the next access does not come here
        return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps `audiocodec.load` the function: importing the submodule of that name would hide it."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME_OF and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
