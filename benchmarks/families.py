"""Our networks beside the public packages', on the same random weights, as ratios of medians.

python -m benchmarks.families --only mimi > families.md      (pip install transformers)
python -m benchmarks.families --seconds 60 --repeats 7 --json families.json

Every repeat times each package once, one after the other, in CPU time on one thread, so that
what else the machine does hits all alike; the order turns with the repeats. Packages that are
not installed are left out.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import audiocodec
from benchmarks.public_names import named_by_encodec, named_by_moshi

OURS = "audiocodec"
WORKS = ("load", "encode", "decode", "load, encode, decode")
"""The last one is once from scratch; the two before it are with everything warm."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One package's way to do the same: `load` returns a codec for the other two."""

    load: Callable[[], Any]
    encode: Callable[[Any, Tensor], Any]
    decode: Callable[[Any, Any], object]


@dataclass(frozen=True, slots=True)
class Case:
    """One network: its rate, and every package that can run it."""

    name: str
    sample_rate_hz: int
    subjects: Mapping[str, Subject]


@dataclass(frozen=True, slots=True)
class Row:
    """Median seconds of one package for one work, and ours over it."""

    network: str
    work: str
    package: str
    seconds: float
    ratio: float


def ours(path: Path, **levels: int) -> Subject:
    """Return our subject for a folder or file of another package's."""
    return Subject(
        lambda: audiocodec.load(path),
        lambda codec, wav: codec.encode(wav, **levels),
        lambda codec, codes: codec.decode(codes),
    )


def installed(package: str) -> bool:
    """Tell whether a package can be imported, without importing it."""
    return find_spec(package) is not None


def encodec(folder: Path) -> Case:
    """Return facebook/encodec_24khz's shape with random weights, at 6 kbit/s: 8 levels."""
    transformers: Any = import_module("transformers")
    model = transformers.EncodecModel(transformers.EncodecConfig()).eval()
    generator = torch.Generator().manual_seed(0)
    for name, buffer in model.named_buffers():
        if name.endswith("codebook.embed"):
            buffer.copy_(torch.randn(buffer.shape, generator=generator))
    model.save_pretrained(folder)
    subjects = {
        OURS: ours(folder, levels=8),
        "transformers": Subject(
            lambda: transformers.EncodecModel.from_pretrained(folder).eval(),
            lambda codec, wav: codec.encode(wav, bandwidth=6.0),
            lambda codec, found: codec.decode(found.audio_codes, found.audio_scales),
        ),
    }
    if installed("encodec"):
        if not installed("torchaudio"):  # which the package imports, and needs for files alone
            sys.modules["torchaudio"] = ModuleType("torchaudio")
        package: Any = import_module("encodec")
        tensors = named_by_encodec(load_file(folder / "model.safetensors"))
        torch.save(tensors, folder / "release.th")
        subjects["encodec"] = Subject(
            lambda: _release(package, folder / "release.th"),
            lambda codec, wav: codec.encode(wav),
            lambda codec, frames: codec.decode(frames),
        )
    return Case("EnCodec 24 kHz, 8 levels", 24_000, subjects)


def _release(package: Any, path: Path) -> Any:
    model = package.EncodecModel.encodec_model_24khz(pretrained=False).eval()
    model.load_state_dict(torch.load(path, weights_only=True))
    model.set_target_bandwidth(6.0)
    return model


def mimi(folder: Path) -> Case:
    """Return kyutai/mimi's shape with random weights, at all 32 levels."""
    transformers: Any = import_module("transformers")
    model = transformers.MimiModel(transformers.MimiConfig()).eval()
    generator = torch.Generator().manual_seed(0)
    for name, buffer in model.named_buffers():
        if name.endswith("embed_sum"):
            buffer.copy_(torch.randn(buffer.shape, generator=generator))
    model.save_pretrained(folder)
    subjects = {
        OURS: ours(folder),
        "transformers": Subject(
            lambda: transformers.MimiModel.from_pretrained(folder).eval(),
            lambda codec, wav: codec.encode(wav).audio_codes,
            lambda codec, codes: codec.decode(codes).audio_values,
        ),
    }
    native = folder / "moshi.safetensors"
    save_file(named_by_moshi(load_file(folder / "model.safetensors")), native)
    if installed("moshi"):
        loaders: Any = import_module("moshi.models.loaders")
        subjects["moshi"] = Subject(
            lambda: loaders.get_mimi(native, num_codebooks=32),
            lambda codec, wav: codec.encode(wav),
            lambda codec, codes: codec.decode(codes),
        )
    if installed("rustymimi"):
        rustymimi: Any = import_module("rustymimi")
        subjects["rustymimi"] = Subject(
            lambda: rustymimi.Tokenizer(str(native), num_codebooks=32),
            lambda codec, wav: codec.encode(np.ascontiguousarray(wav.numpy())),
            lambda codec, codes: codec.decode(codes),
        )
    return Case("Mimi, 32 levels", 24_000, subjects)


def dac(folder: Path) -> Case:
    """Return descript/dac_24khz's shape with random weights, at all 32 levels."""
    transformers: Any = import_module("transformers")
    shape = {"downsampling_ratios": [2, 4, 5, 8], "n_codebooks": 32, "sampling_rate": 24_000}
    transformers.DacModel(transformers.DacConfig(**shape)).save_pretrained(folder)
    hop = 320
    subjects = {
        OURS: ours(folder),
        "transformers": Subject(
            lambda: transformers.DacModel.from_pretrained(folder).eval(),
            lambda codec, wav: codec.encode(_whole_hops(wav, hop)).audio_codes,
            lambda codec, codes: codec.decode(audio_codes=codes).audio_values,
        ),
    }
    return Case("DAC 24 kHz, 32 levels", 24_000, subjects)


def _whole_hops(wav: Tensor, hop: int) -> Tensor:
    return torch.nn.functional.pad(wav, (0, -wav.shape[-1] % hop))


def snac(folder: Path) -> Case:
    """Return hubertsiuzdak/snac_24khz's shape with random weights."""
    package: Any = import_module("snac")
    shape = {
        "sampling_rate": 24_000,
        "encoder_dim": 48,
        "encoder_rates": [2, 4, 8, 8],
        "latent_dim": 768,
        "decoder_dim": 1024,
        "decoder_rates": [8, 8, 4, 2],
        "attn_window_size": None,
        "codebook_size": 4096,
        "codebook_dim": 8,
        "vq_strides": [4, 2, 1],
        "noise": True,
        "depthwise": True,
    }
    tensors = package.SNAC(**shape).state_dict()
    (folder / "config.json").write_text(json.dumps(shape))
    torch.save(tensors, folder / "pytorch_model.bin")
    save_file(tensors, folder / "model.safetensors")
    subjects = {
        OURS: ours(folder),
        "snac": Subject(
            lambda: package.SNAC.from_pretrained(str(folder)),
            lambda codec, wav: codec.encode(wav),
            lambda codec, codes: codec.decode(codes),
        ),
    }
    return Case("SNAC 24 kHz", 24_000, subjects)


CASES: dict[str, Callable[[Path], Case]] = {
    "encodec": encodec,
    "mimi": mimi,
    "dac": dac,
    "snac": snac,
}
"""Name for --only -> what makes the case; it may need the package that makes the weights."""
NEEDS = {"encodec": "transformers", "mimi": "transformers", "dac": "transformers", "snac": "snac"}


def measure(case: Case, *, seconds: float, repeats: int) -> Iterator[Row]:
    """Time all works of all packages, in turn, and return medians and ratios."""
    generator = torch.Generator().manual_seed(0)
    samples = round(seconds * case.sample_rate_hz)
    wav = 0.1 * torch.randn(1, 1, samples, generator=generator)
    times: dict[tuple[str, str], list[float]] = {}
    names = list(case.subjects)
    for name in names:
        once(case.subjects[name], wav[..., : case.sample_rate_hz])  # to warm up
    for repeat in range(repeats):
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            print(f"{case.name}: {name}, {repeat + 1} of {repeats}", file=sys.stderr)
            for work, taken in once(case.subjects[name], wav).items():
                times.setdefault((work, name), []).append(taken)
    for work in WORKS:
        medians = {name: statistics.median(times[work, name]) for name in names}
        for name, median in medians.items():
            yield Row(case.name, work, name, median, medians[OURS] / median)


@torch.no_grad()
def once(subject: Subject, wav: Tensor) -> dict[str, float]:
    """Return the CPU seconds that each of WORKS takes, one after the other."""
    taken: dict[str, float] = {}

    def timed(work: str, call: Callable[[], Any]) -> Any:
        begin = time.process_time()
        result = call()
        taken[work] = time.process_time() - begin
        return result

    codec = timed("load", subject.load)
    codes = timed("first encode", lambda: subject.encode(codec, wav))
    timed("first decode", lambda: subject.decode(codec, codes))
    timed("encode", lambda: subject.encode(codec, wav))
    timed("decode", lambda: subject.decode(codec, codes))
    taken["load, encode, decode"] = sum(taken[x] for x in ("load", "first encode", "first decode"))
    return taken


def table(rows: list[Row], seconds: float) -> list[str]:
    """Return the rows as Markdown."""
    lines = [
        f"CPU seconds for {seconds:g} s of sound on one thread, medians of one paired run.",
        "",
        "| network | work | package | seconds | ours over it |",
        "|---|---|---|--:|--:|",
    ]
    for row in rows:
        ratio = "" if row.package == OURS else f"{row.ratio:.2f}"
        lines.append(
            f"| {row.network} | {row.work} | {row.package} | {row.seconds:.2f} | {ratio} |"
        )
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the rows there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    for name in options.only:
        if not installed(NEEDS[name]):
            print(f"{name} is left out: {NEEDS[name]} is not installed", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            case = CASES[name](Path(folder))
            rows += measure(case, seconds=options.seconds, repeats=options.repeats)
    print("\n".join(table(rows, options.seconds)))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
