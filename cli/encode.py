"""`codec encode`: sound files to .codes files."""

import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from . import options
from .batch import run_all, threads_each
from .console import Console, factor
from .exits import OK
from .model import ModelChoice
from .places import STANDARD, Job, Kind, plan, refuse_early
from .units import count, kbps, seconds, size

if TYPE_CHECKING:
    from audiocodec.audio.pcm import RawFormat
    from audiocodec.codec import Codec
    from audiocodec.files import EncodeReport

_SOUNDS = ".aif .aifc .aiff .au .caf .flac .mp3 .oga .ogg .opus .rf64 .snd .w64 .wav .wave"
SOUND = Kind(frozenset(_SOUNDS.split()), "sound files", ".codes")
_KEY = re.compile("[a-z0-9_]{1,64}")
RAW = Kind(frozenset({".raw", ".pcm"}), "raw sound files", ".codes")


def encode(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="IN... [OUT]",
            help="Sound files, folders, or - for standard input; then a .codes file, a folder "
            "(DIR/ where it does not exist), or - for standard output.",
        ),
    ],
    output: options.Output = None,
    levels: options.Levels = None,
    bitrate: Annotated[
        float | None,
        typer.Option(
            "-b", "--bitrate", metavar="KBPS", help="At most so many kbps a channel, instead of -n."
        ),
    ] = None,
    mono: Annotated[bool, typer.Option("--mono", help="Mix all channels down to one.")] = False,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            "--metadata",
            metavar="KEY=VALUE",
            help="Text to keep in the outputs, such as title=...; may be given again.",
        ),
    ] = None,
    tags: Annotated[
        bool,
        typer.Option(
            "--tags", help="Keep title, artist, album, date and comment of the inputs as well."
        ),
    ] = False,
    entropy: Annotated[
        bool,
        typer.Option(
            "--entropy/--no-entropy",
            help="Make files smaller by entropy coding, without loss, where the model has tables "
            "for it.",
        ),
    ] = True,
    layer_levels: Annotated[
        int,
        typer.Option(
            "--layer-levels",
            min=1,
            max=64,
            metavar="N",
            help="Levels that can be read or sent only together; 1 makes files 6 % larger.",
        ),
    ] = 4,
    normalize: Annotated[
        float | None,
        typer.Option(
            "--normalize",
            min=-60,
            max=0,
            metavar="LUFS",
            help="Bring sounds to this loudness first, such as -23; decoding takes it back.",
        ),
    ] = None,
    raw_rate: Annotated[
        int | None,
        typer.Option(
            "--raw-rate", min=1, metavar="HZ", help="The input is raw samples at this rate."
        ),
    ] = None,
    raw_channels: Annotated[
        int | None,
        typer.Option(
            "--raw-channels", min=1, metavar="N", help="Channels of raw samples; 1 by default."
        ),
    ] = None,
    raw_encoding: Annotated[
        options.RawEncoding | None,
        typer.Option("--raw-encoding", help="How raw samples are stored; s16le by default."),
    ] = None,
    model: options.Model = None,
    revision: options.Revision = None,
    cache_dir: options.CacheDir = None,
    local_files_only: options.LocalFilesOnly = False,
    allow_pickle: options.AllowPickle = False,
    device: options.Device = "auto",
    backend: options.Backend = options.BackendName.TORCH,
    dtype: options.Dtype = options.DtypeName.FLOAT32,
    compile_: options.Compile = False,
    threads: options.Threads = None,
    at_once: options.Jobs = 1,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Encode sound files to .codes files.

    One input needs no output: in.wav becomes in.codes beside it, standard input goes to standard
    output. Several inputs go into a folder, where the trees of folders are mirrored.

    \b
    Examples:
      codec encode in.wav
      codec encode in.wav out.codes -n 4
      codec encode speech.flac low.codes -b 3
      codec encode a.wav b.mp3 corpus/ -o codes/ --jobs 4
      codec encode song.flac --tags --metadata "comment=demo tape"
      codec encode quiet.wav --normalize -23
      arecord -f S16_LE -r 24000 -t raw | codec encode - live.codes --raw-rate 24000
    """
    if levels is not None and bitrate is not None:
        raise options.WrongUsage("-n and -b both choose the levels: give one of them")
    raw = _raw_format(raw_rate, raw_channels, raw_encoding)
    texts = _metadata(metadata or [])
    jobs = plan(words, output, SOUND if raw is None else RAW)
    refuse_early(jobs, overwrite=force)
    console = Console(quiet)
    codec = ModelChoice(
        model=model,
        revision=revision,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        allow_pickle=allow_pickle,
        device=device,
        backend=backend,
        dtype=dtype,
        compile=compile_,
        threads=threads_each(threads, at_once, len(jobs)),
    ).load(console)
    chosen = _choose_levels(codec, levels, bitrate, console)
    task = _Encoding(
        codec, chosen, raw, mono, texts, tags, entropy, layer_levels, normalize, force, console
    )
    run_all(jobs, task.run, console=console, at_once=at_once)


class _Encoding:
    """What is the same for every file of one command."""

    def __init__(
        self,
        codec: "Codec",
        levels: int,
        raw: "RawFormat | None",
        mono: bool,
        texts: list[tuple[str, str]],
        tags: bool,
        entropy: bool,
        layer_levels: int,
        normalize_lufs: float | None,
        force: bool,
        console: Console,
    ) -> None:
        self._codec, self._levels, self._raw = codec, levels, raw
        self._mono, self._force, self._console = mono, force, console
        self._texts, self._tags, self._entropy = texts, tags, entropy
        self._layer_levels, self._normalize_lufs = layer_levels, normalize_lufs
        self._told_cost = False

    def run(self, job: Job, label: str) -> int:
        """Encode one file and say what became of it."""
        from audiocodec.files import encode_file

        job.make_folder()
        with self._console.meter(label) as meter:
            report = encode_file(
                sys.stdin.buffer if job.source == STANDARD else job.source,
                sys.stdout.buffer if job.target == STANDARD else job.target,
                codec=self._codec,
                levels=self._levels,
                mono=self._mono,
                raw=self._raw,
                overwrite=self._force,
                metadata=self._texts,
                tags=self._tags,
                entropy=self._entropy,
                layer_levels=self._layer_levels,
                normalize_lufs=self._normalize_lufs,
                progress=meter.update,
            )
        self._tell_cost(job, report)
        self._console.result(
            f"{job.shown_source} -> {job.shown_target}: {seconds(report.duration_s)}, "
            f"{count(report.levels, 'level')}, {kbps(report.bitrate_bps)}, "
            f"{size(report.bytes_written)}, {factor(report.real_time_factor)}"
        )
        return OK

    def _tell_cost(self, job: Job, report: "EncodeReport") -> None:
        """Say once that a codec for fewer channels codes each by itself, and what that costs."""
        if self._told_cost or report.channels <= self._codec.spec.channels:
            return
        self._told_cost = True
        one = self._codec.spec.bitrate_bps(report.levels)
        self._console.note(
            f"{job.shown_source} has {report.channels} channels, and this model codes each by "
            f"itself: {kbps(report.bitrate_bps)} instead of {kbps(one)}; --mono mixes them down"
        )


def _raw_format(
    rate_hz: int | None, channels: int | None, encoding: options.RawEncoding | None
) -> "RawFormat | None":
    if rate_hz is None:
        if channels is not None or encoding is not None:
            raise options.WrongUsage("raw samples need --raw-rate as well")
        return None
    from audiocodec.audio.pcm import RawFormat

    return RawFormat(rate_hz, channels or 1, encoding.value if encoding else "s16le")


def _metadata(words: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not _KEY.fullmatch(key):
            raise options.WrongUsage(
                f"--metadata {word}: expected KEY=VALUE, the key of a to z, 0 to 9 and _"
            )
        pairs.append((key, text))
    return pairs


def _choose_levels(
    codec: "Codec", levels: int | None, bitrate: float | None, console: Console
) -> int:
    """Return the number of levels, and say so where a bit rate had to be snapped down."""
    bitrate_bps = None if bitrate is None else bitrate * 1000
    chosen = codec.choose_levels(levels, bitrate_bps)
    found_bps = codec.spec.bitrate_bps(chosen)
    if bitrate_bps is not None and found_bps != bitrate_bps:
        console.note(
            f"{kbps(bitrate_bps)} asked for: using {count(chosen, 'level')} = {kbps(found_bps)}"
        )
    return chosen
