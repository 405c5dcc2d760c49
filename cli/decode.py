"""`codec decode`: .codes files to sound files."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from audiocodec.errors import AudioCodecError

from . import options
from .batch import run_all, threads_each
from .console import Console, factor
from .exits import DAMAGED, OK
from .model import ModelChoice
from .options import SampleEncoding, SoundFormat
from .places import STANDARD, Job, Kind, is_device, plan, refuse_early
from .units import count, seconds

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.files import DecodeReport


def decode(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="IN... [OUT]",
            help=".codes files, folders, or - for standard input; then a sound file, whose suffix "
            "names the format, a folder (DIR/ where it does not exist), or - for standard output.",
        ),
    ],
    output: options.Output = None,
    levels: options.Levels = None,
    form: Annotated[
        SoundFormat | None,
        typer.Option("--format", help="Format of outputs that are not named; wav by default."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Bare samples without a header: --format raw.")
    ] = False,
    encoding: Annotated[
        SampleEncoding, typer.Option("--encoding", help="How lossless formats store a sample.")
    ] = SampleEncoding.PCM16,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse damaged files instead of filling gaps.")
    ] = False,
    force_model: Annotated[
        bool, typer.Option("--force-model", help="Decode codes of other weights anyway.")
    ] = False,
    keep_gain: Annotated[
        bool,
        typer.Option(
            "--keep-gain", help="Leave what `encode --normalize` made as loud as it made it."
        ),
    ] = False,
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
    """Decode .codes files to sound files.

    They get the length, rate and channels of the original. One input needs no output: in.codes
    becomes in.wav beside it, standard input goes to standard output. Several inputs go into a
    folder, where the trees of folders are mirrored.

    What is damaged or lost is filled up with the sound before it, faded out, and told on standard
    error; the exit code is 3 then. With --strict such a file is an error, exit code 1.

    \b
    Examples:
      codec decode in.codes
      codec decode in.codes back.flac --encoding pcm24
      codec decode in.codes rough.wav -n 2
      codec decode codes/ -o sound/ --format mp3 --jobs 4
      codec decode in.codes - | aplay
    """
    form = _format(form, raw)
    kind = Kind(frozenset({".codes"}), ".codes files", (form or SoundFormat.WAV).suffix)
    jobs = plan(words, output, kind)
    _refuse_contradiction(jobs, form)
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
    task = _Decoding(codec, levels, form, encoding, strict, force_model, keep_gain, force, console)
    run_all(jobs, task.run, console=console, at_once=at_once)


@dataclass(frozen=True, slots=True)
class _Decoding:
    """What is the same for every file of one command."""

    codec: "Codec"
    levels: int | None
    form: SoundFormat | None
    encoding: SampleEncoding
    strict: bool
    force_model: bool
    keep_gain: bool
    force: bool
    console: Console

    def run(self, job: Job, label: str) -> int:
        """Decode one file, say what became of it, and return OK or DAMAGED."""
        from audiocodec.files import decode_file

        job.make_folder()
        with self.console.meter(label) as meter, _opened(job.target) as target:
            report = decode_file(
                sys.stdin.buffer if job.source == STANDARD else job.source,
                target,
                codec=self.codec,
                levels=self.levels,
                encoding=self.encoding.value,
                container="raw" if self.form is SoundFormat.RAW else "wav",
                strict=self.strict,
                force_model=self.force_model,
                overwrite=self.force,
                keep_gain=self.keep_gain,
                progress=meter.update,
            )
        self._warn(job, report)
        self.console.result(
            f"{job.shown_source} -> {job.shown_target}: {seconds(report.duration_s)}, "
            f"{count(report.levels, 'level')}, {report.sample_rate_hz} Hz, "
            f"{count(report.channels, 'channel')}, {factor(report.real_time_factor)}"
        )
        return DAMAGED if report.gaps else OK

    def _warn(self, job: Job, report: "DecodeReport") -> None:
        if report.gaps:
            lost_s = sum(gap.frames for gap in report.gaps) / self.codec.spec.frame_rate_hz
            lost = f", {seconds(lost_s)} lost and filled up" if lost_s else ""
            self.console.warn(
                f"{job.shown_source} is damaged in {count(len(report.gaps), 'place')}{lost}: "
                f"{report.gaps[0].reason}"
            )
        if report.clipped_samples:
            self.console.note(
                f"{job.shown_target}: {count(report.clipped_samples, 'sample')} clipped, the "
                f"largest at {report.peak:.3g} of full scale; --encoding float32 keeps them in a "
                f".wav"
            )


def _format(form: SoundFormat | None, raw: bool) -> SoundFormat | None:
    if not raw:
        return form
    if form not in (None, SoundFormat.RAW):
        raise options.WrongUsage(f"--raw is --format raw, not {form}: give one of them")
    return SoundFormat.RAW


def _refuse_contradiction(jobs: list[Job], form: SoundFormat | None) -> None:
    """Refuse a format that is asked for, where the output's name says another."""
    if form is None:
        return
    for job in jobs:
        if job.target == STANDARD:
            fits = form in (SoundFormat.WAV, SoundFormat.RAW)
        else:
            fits = is_device(job.target) or os.path.splitext(job.target)[1].lower() in form.suffixes
        if not fits:
            raise options.WrongUsage(
                f"--format {form}, but the output is {job.shown_target}: a file's suffix names its "
                f"format, and standard output is wav or raw"
            )


def _opened(target: str) -> AbstractContextManager[BinaryIO | str]:
    """Return where to write: a path, or a stream where no suffix can tell the format."""
    if target == STANDARD:
        return nullcontext(sys.stdout.buffer)
    if not is_device(target):
        return nullcontext(target)
    try:
        return open(target, "wb")
    except OSError as error:
        raise AudioCodecError(f"cannot write {target}: {error.strerror}") from error
