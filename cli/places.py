"""Which file becomes which: inputs, folders that are mirrored, names of outputs.

Names of outputs are made from names of inputs and from what was asked for, never from what is in
a file, and everything is decided before the first byte is written.
"""

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audiocodec.atomic import refuse_existing
from audiocodec.errors import AudioCodecError

from .options import WrongUsage

STANDARD = "-"
"""Standard input or output."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What goes in and what comes out, by suffix.

    inputs: suffixes of the inputs, lower case; what is taken from folders.
    what: a name for such inputs.
    suffix: of outputs that are not named.
    rewrites: whether outputs are of the same kind as inputs, so that only their place differs.
    """

    inputs: frozenset[str]
    what: str
    suffix: str
    rewrites: bool = False

    def takes(self, name: str) -> bool:
        """Return whether a file called `name` looks like an input."""
        return os.path.splitext(name)[1].lower() in self.inputs


@dataclass(frozen=True, slots=True)
class Job:
    """One input and its output: paths, or STANDARD.

    mirrored: whether the output's folder belongs to a mirrored tree, and is made when missing.
    """

    source: str
    target: str
    mirrored: bool = False

    @property
    def shown_source(self) -> str:
        """The input, as people call it."""
        return "standard input" if self.source == STANDARD else self.source

    @property
    def shown_target(self) -> str:
        """The output, as people call it."""
        return "standard output" if self.target == STANDARD else self.target

    def make_folder(self) -> None:
        """Make the folder in a mirrored tree. Raises AudioCodecError."""
        if not self.mirrored:
            return
        folder = os.path.dirname(self.target)
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise AudioCodecError(
                f"cannot make the folder {folder}: {error.strerror}; choose another place"
            ) from error


def plan(words: list[str], output: str | None, kind: Kind) -> list[Job]:
    """Return what to do for the arguments IN... [OUT] and the option --output.

    Exits as wrong usage where that does not fit together. Raises AudioCodecError for folders
    without inputs, outputs that would meet or leave their folder, and inputs in danger.
    """
    if "" in words or output == "":
        raise WrongUsage("the name of a file is empty")
    sources, target = words, output
    if output is None and _last_is_output(words, kind):
        sources, target = words[:-1], words[-1]
    many = len(sources) > 1 or os.path.isdir(sources[0])
    if many and target in (None, STANDARD):
        raise WrongUsage(
            "several inputs, or a folder, need a folder for their outputs: "
            "-o DIR, or as the last argument DIR/"
        )
    if target is not None and (many or _names_folder(target)):
        jobs = [job for source in sources for job in _into_folder(source, Path(target), kind)]
        _refuse_leaving(jobs, target)
    else:
        jobs = [_alone(sources[0], target, kind)]
    _refuse_meeting(jobs)
    _refuse_lost_inputs(jobs)
    return jobs


def find(words: list[str], kind: Kind) -> list[str]:
    """Return the inputs that `words` name: files as they are, and what is in folders.

    Raises AudioCodecError for folders without inputs.
    """
    return [name for word in words for name in _within(word, kind)]


def refuse_early(jobs: list[Job], *, overwrite: bool) -> None:
    """Raise OutputExists for a single output that exists, before the wait for the model.

    Among many inputs it is one that fails, and the others go on.
    """
    if len(jobs) == 1 and jobs[0].target != STANDARD:
        refuse_existing(jobs[0].target, overwrite=overwrite)


def is_device(target: str) -> bool:
    """Return whether `target` is a pipe or a device, such as /dev/null and >(a program)."""
    try:
        mode = os.stat(target).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _last_is_output(words: list[str], kind: Kind) -> bool:
    last = words[-1]
    if len(words) == 1:
        return False
    if last == STANDARD or _names_folder(last):
        return True
    # Two sounds and no output is a slip (a shell's *.wav): it must not overwrite the second one.
    return len(words) == 2 and (kind.rewrites or not kind.takes(last))


def _names_folder(word: str) -> bool:
    separators = (os.sep, os.altsep) if os.altsep else (os.sep,)
    return word.endswith(separators) or os.path.isdir(word)


def _alone(source: str, target: str | None, kind: Kind) -> Job:
    if source != STANDARD and not os.path.exists(source):
        raise AudioCodecError(f"cannot read {source}: there is no such file; check the path")
    if target is None:
        if kind.rewrites and source != STANDARD:
            raise WrongUsage("name the output as well: IN OUT, or -o OUT")
        target = STANDARD if source == STANDARD else _renamed(Path(source), kind)
    if kind.takes(target) and not kind.rewrites:
        raise WrongUsage(
            f"the output {target} would be named like {kind.what}; choose another suffix"
        )
    if target == STANDARD and sys.stdout.isatty():
        raise WrongUsage(
            "standard output is a terminal, and this is not text: redirect it, or name a file"
        )
    return Job(source, target)


def _into_folder(source: str, folder: Path, kind: Kind) -> Iterator[Job]:
    if source == STANDARD:
        raise WrongUsage("standard input has no name to give to its output; name a file")
    if not os.path.isdir(source):
        yield Job(source, str(folder / _renamed(Path(Path(source).name), kind)), mirrored=True)
        return
    for name in _within(source, kind):
        target = folder / _renamed(Path(name).relative_to(source), kind)
        yield Job(name, str(target), mirrored=True)


def _within(word: str, kind: Kind) -> list[str]:
    if word == STANDARD or not os.path.isdir(word):
        return [word]
    found = sorted(_walk(Path(word), kind))
    if not found:
        known = " ".join(sorted(kind.inputs))
        raise AudioCodecError(f"no {kind.what} in {word}; looked for names in {known}")
    return [str(path) for path in found]


def _walk(root: Path, kind: Kind) -> Iterator[Path]:
    for folder, _, names in os.walk(root, onerror=_refuse_unreadable):
        yield from (Path(folder, name) for name in names if kind.takes(name))


def _refuse_unreadable(error: OSError) -> None:
    raise AudioCodecError(f"cannot read the folder {error.filename}: {error.strerror}") from error


def _renamed(path: Path, kind: Kind) -> str:
    return str(path.with_name(path.stem + kind.suffix))


def _refuse_meeting(jobs: list[Job]) -> None:
    sources: dict[str, str] = {}
    for job in jobs:
        place = os.path.realpath(job.target)
        if place in sources:
            raise AudioCodecError(
                f"{sources[place]} and {job.source} would both become {job.target}; rename one of "
                f"them, or give each a folder of its own"
            )
        sources[place] = job.source


def _refuse_lost_inputs(jobs: list[Job]) -> None:
    sources = {os.path.realpath(job.source) for job in jobs if job.source != STANDARD}
    for job in jobs:
        if job.target != STANDARD and os.path.realpath(job.target) in sources:
            raise AudioCodecError(
                f"the output {job.target} would replace an input; choose another name"
            )


def _refuse_leaving(jobs: list[Job], root: str) -> None:
    """Refuse outputs that a symbolic link in the tree leads out of it."""
    real_root = os.path.realpath(root)
    for job in jobs:
        real = os.path.realpath(job.target)
        if os.path.commonpath([real_root, real]) != real_root:
            raise AudioCodecError(
                f"the output {job.target} would be {real}, outside of {root}: a link leads there; "
                f"remove it or choose another folder"
            )
