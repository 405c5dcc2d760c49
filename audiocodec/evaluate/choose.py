"""What people ask for, as text, to the systems of a run."""

from pathlib import Path

from audiocodec.errors import AudioCodecError, MissingExtra

from .peers import OpusSystem, find_opus
from .systems import FolderSystem, LowPassSystem, System, model_system

FOLDER = "soundfile-dir"
OPUS_KBPS = (6.0, 512.0)
"""What Opus takes for one channel."""


def numbers(text: str) -> tuple[float, ...]:
    """Return the numbers of a list such as "1,2.5,6". Raises AudioCodecError."""
    try:
        values = tuple(float(word) for word in text.split(",") if word.strip())
    except ValueError:
        values = ()
    if not values or not all(0 < value < 1e6 for value in values):
        raise AudioCodecError(
            f"numbers above 0 with commas between them expected, such as 1,2,4, not {text!r}"
        )
    return tuple(sorted(set(values)))


def choose_peer(text: str, *, bitrates_kbps: tuple[float, ...], device: str = "cpu") -> System:
    """Return the system for one --against.

    opus:6,12 (kbps), soundfile-dir:FOLDER (copies made elsewhere), lowpass:3500,7000 (Hz), or
    whatever `audiocodec.load` takes.
    Raises AudioCodecError, UnknownModel, and MissingExtra where Opus has no program here.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind == "opus":
        return _opus(rest)
    if colon and kind == FOLDER:
        folder = Path(rest)
        if not folder.is_dir():
            raise AudioCodecError(f"{text}: there is no folder {rest!r}; check the path")
        return FolderSystem(folder, folder.resolve().name)
    if colon and kind == "lowpass":
        return LowPassSystem(tuple(round(value) for value in numbers(rest)))
    return model_system(text, bitrates_kbps=bitrates_kbps, device=device)


def _opus(rest: str) -> OpusSystem:
    kbps = numbers(rest)
    low, high = OPUS_KBPS
    wrong = [value for value in kbps if not low <= value <= high]
    if wrong:
        raise AudioCodecError(f"Opus codes at {low:g} to {high:g} kbps, not at {wrong[0]:g}")
    tool = find_opus()
    if tool is None:
        raise MissingExtra(
            "Opus needs opusenc and opusdec (package opus-tools), or ffmpeg with libopus: "
            "install one of them, or leave opus out"
        )
    return OpusSystem(kbps, tool)
