"""Codecs that are programs: Opus by its tools or ffmpeg, and any command."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiocodec.audio.write import SoundWriter
from audiocodec.errors import AudioCodecError

from .clips import read_sound
from .systems import Copy, FloatArray, Point, to_rate

if TYPE_CHECKING:
    from .clips import Clip, Sound

LONGEST_S = 600.0
OPUS_TOOLS = "opus-tools"
FFMPEG = "ffmpeg"


@dataclass(frozen=True, slots=True)
class OpusSystem:
    """Opus at some bit rates, with its programs' settings as they come."""

    kbps: tuple[float, ...]
    tool: str
    name: str = "opus"

    @property
    def points(self) -> tuple[Point, ...]:
        """One for each bit rate."""
        return tuple(
            Point(self.name, f"{kbps:g} kbps", f"opus:{self.tool}:{kbps:g}", kbps)
            for kbps in sorted(self.kbps)
        )

    def copies(self, clip: "Clip", sound: "Sound", points: tuple[Point, ...]) -> Iterator[Copy]:
        """Encode and decode at each point. Raises AudioCodecError."""
        for point, kbps in zip(self.points, sorted(self.kbps), strict=True):
            if point not in points:
                continue
            with tempfile.TemporaryDirectory() as folder:
                work = _Workplace(Path(folder), "x.opus")
                work.write(sound)
                for words in self._commands(work, kbps):
                    run_command(words)
                packed = work.codes.read_bytes()
                yield Copy(
                    point,
                    work.read(sound.sample_rate_hz),
                    payload_bytes=ogg_payload(packed),
                    file_bytes=len(packed),
                )

    def _commands(self, work: "_Workplace", kbps: float) -> list[list[str]]:
        before, codes, after = str(work.before), str(work.codes), str(work.after)
        if self.tool == OPUS_TOOLS:
            return [
                ["opusenc", "--quiet", "--bitrate", f"{kbps:g}", before, codes],
                ["opusdec", "--quiet", "--rate", "48000", "--force-wav", codes, after],
            ]
        start = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-i"]
        return [
            [*start, before, "-c:a", "libopus", "-b:a", f"{kbps * 1000:.0f}", codes],
            [*start, codes, after],
        ]


def find_opus() -> str | None:
    """Return which programs code Opus here, None where there are none."""
    if shutil.which("opusenc") and shutil.which("opusdec"):
        return OPUS_TOOLS
    return FFMPEG if shutil.which("ffmpeg") else None


def ogg_payload(data: bytes) -> int:
    """Return the bytes of an Ogg stream's packets, without pages and its two header packets.

    Raises AudioCodecError for what is no Ogg.
    """
    total, packet, packets, place = 0, 0, 0, 0
    while place < len(data):
        if data[place : place + 4] != b"OggS" or place + 27 > len(data):
            raise AudioCodecError("the encoder's output is no Ogg file; check the program")
        segments = data[place + 27 : place + 27 + data[place + 26]]
        for length in segments:
            packet += length
            if length < 255:  # a packet ends
                total += packet if packets >= 2 else 0
                packets, packet = packets + 1, 0
        place += 27 + len(segments) + sum(segments)
    return total


@dataclass(frozen=True, slots=True)
class CommandSystem:
    """Any command that codes a file: words with {in}, {out}, and as wanted {kbps} and {codes}.

    {in} is a WAV file, {out} where the copy goes, in any format that is read here, {codes} a file
    between the two whose size counts as the bits spent. No shell takes part.
    """

    words: tuple[str, ...]
    name: str
    kbps: tuple[float, ...] = ()

    @property
    def points(self) -> tuple[Point, ...]:
        """One for each bit rate, or one where the command takes none."""
        identity = f"command:{shlex.join(self.words)}"
        if not self.kbps:
            return (Point(self.name, "files", identity, None),)
        return tuple(
            Point(self.name, f"{kbps:g} kbps", f"{identity}:{kbps:g}", kbps)
            for kbps in sorted(self.kbps)
        )

    def copies(self, clip: "Clip", sound: "Sound", points: tuple[Point, ...]) -> Iterator[Copy]:
        """Run the command at each point. Raises AudioCodecError."""
        for point in self.points:
            if point not in points:
                continue
            with tempfile.TemporaryDirectory() as folder:
                work = _Workplace(Path(folder), "x.codes")
                work.write(sound)
                places = {
                    "{in}": str(work.before),
                    "{out}": str(work.after),
                    "{codes}": str(work.codes),
                    "{kbps}": f"{point.kbps:g}" if point.kbps is not None else "",
                }
                run_command([_filled(word, places) for word in self.words])
                size = work.codes.stat().st_size if work.codes.is_file() else None
                yield Copy(point, work.read(sound.sample_rate_hz), size, size)


def command_system(text: str, kbps: tuple[float, ...]) -> CommandSystem:
    """Return the system for a command as people type it: [NAME=]WORDS with {in} and {out}.

    kbps: bit rates, which only a command with {kbps} takes.
    Raises AudioCodecError for one without the places that it needs, or that is not there.
    """
    name, equals, rest = text.partition("=")
    named = bool(equals) and name.strip().replace("-", "").replace("_", "").isalnum()
    words = _split(rest if named else text)
    if not any("{in}" in word for word in words) or not any("{out}" in word for word in words):
        raise AudioCodecError(
            f"the command {text!r} needs {{in}} and {{out}} where its two files go, "
            f"as in 'mycodec {{in}} {{out}} --kbps {{kbps}}'"
        )
    if shutil.which(words[0]) is None:
        raise AudioCodecError(f"there is no program {words[0]!r}; check the path or install it")
    takes_kbps = any("{kbps}" in word for word in words)
    return CommandSystem(
        tuple(words),
        name.strip() if named else Path(words[0]).stem,
        kbps if takes_kbps else (),
    )


def run_command(words: list[str]) -> None:
    """Run a program to its end, without a shell. Raises AudioCodecError where it fails."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST_S,
            check=False,
        )
    except OSError as error:
        raise AudioCodecError(f"cannot run {words[0]}: {error.strerror}; install it") from error
    except subprocess.TimeoutExpired as error:
        raise AudioCodecError(
            f"{words[0]} took over {LONGEST_S:.0f} s for one clip; use shorter ones (--seconds)"
        ) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        why = said[-1] if said else "it said nothing"
        raise AudioCodecError(f"{words[0]} failed with exit code {done.returncode}: {why}")


@dataclass(frozen=True, slots=True)
class _Workplace:
    folder: Path
    codes_name: str

    @property
    def before(self) -> Path:
        return self.folder / "in.wav"

    @property
    def codes(self) -> Path:
        return self.folder / self.codes_name

    @property
    def after(self) -> Path:
        return self.folder / "out.wav"

    def write(self, sound: "Sound") -> None:
        with SoundWriter(self.before, sample_rate_hz=sound.sample_rate_hz, channels=1) as writer:
            writer.write(sound.wav[None])

    def read(self, rate_hz: int) -> FloatArray:
        if not os.path.exists(self.after):
            raise AudioCodecError("the program ended well but wrote no {out}; check the command")
        copy = read_sound(self.after)
        return to_rate(copy.wav, copy.sample_rate_hz, rate_hz)


def _filled(word: str, places: dict[str, str]) -> str:
    for place, value in places.items():
        word = word.replace(place, value)
    return word


def _split(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise AudioCodecError(f"the command {text!r} cannot be read: {error}") from error
    if not words:
        raise AudioCodecError("the command of a peer is empty; give a program and its arguments")
    return words
