"""Quality of a model on a folder of sound, per category and number of levels.

    python benchmarks/quality.py CORPUS --split dev > quality.md
    python benchmarks/quality.py CORPUS --model runs/mine/model --limit 10 --seconds 5 --levels 1,8

CORPUS is a folder of sound files; with a manifest.csv in it (columns path, split, category) its
rows are used, without one all sound files below. Prints Markdown, writes all numbers as JSON.
"""

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import audiocodec
from audiocodec.audio.read import open_sound
from audiocodec.codec import Codec
from audiocodec.codes import Codes
from audiocodec.errors import AudioCodecError
from audiocodec.evaluate.distortion import mel_distance, si_sdr_db
from audiocodec.evaluate.perceptual import pesq_wb, stoi
from audiocodec.packing import write_codes

FloatArray = NDArray[np.float32]
Measure = Callable[[FloatArray, FloatArray, int], float]

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".w64", ".au"}
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Clip:
    """One file of the corpus; category is "all" where nothing is known."""

    path: Path
    category: str


@dataclass(frozen=True, slots=True)
class Result:
    """One clip at one number of levels; file_bytes is the size of its .codes file."""

    clip: str
    category: str
    levels: int
    seconds: float
    nominal_bps: float
    file_bytes: int
    measures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean over the clips that have a value, with the bounds of its 95 % interval."""

    mean: float
    low: float
    high: float
    clips: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a category at a number of levels."""

    category: str
    levels: int
    clips: int
    nominal_bps: float
    file_bps: float
    measures: dict[str, Mean]


def _si_sdr(reference: FloatArray, estimate: FloatArray, rate_hz: int) -> float:
    return float(si_sdr_db(torch.from_numpy(reference), torch.from_numpy(estimate)))


def _mel(reference: FloatArray, estimate: FloatArray, rate_hz: int) -> float:
    return float(mel_distance(torch.from_numpy(reference), torch.from_numpy(estimate), rate_hz))


# column -> the package that it needs, and the measure
MEASURES: dict[str, tuple[str, Measure]] = {
    "STOI": ("pystoi", stoi),
    "PESQ-WB": ("pesq", pesq_wb),
    "SI-SDR dB": ("torch", _si_sdr),
    "mel distance": ("torch", _mel),
}


def list_clips(corpus: Path, split: str) -> list[Clip]:
    """Return the files of a split, sorted; exits where there are none."""
    manifest = corpus / "manifest.csv"
    if manifest.exists():
        with manifest.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if "path" not in (reader.fieldnames or ()):
                sys.exit(f"{manifest}: a column named path is needed")
            rows = [row for row in reader if row.get("split", split) == split]
        clips = [Clip(corpus / row["path"], row.get("category") or "all") for row in rows]
    else:
        base = corpus / split if split and (corpus / split).is_dir() else corpus
        paths = (path for path in base.rglob("*") if path.suffix.lower() in SUFFIXES)
        clips = [Clip(path, "all") for path in paths]
    if not clips:
        sys.exit(f"{corpus}: no sound files of split {split!r}")
    return sorted(clips, key=lambda clip: (clip.category, clip.path))


def thin_out(clips: list[Clip], limit: int) -> list[Clip]:
    """Return at most `limit` clips of every category, evenly spread; 0 keeps all."""
    kept: list[Clip] = []
    for category in sorted({clip.category for clip in clips}):
        some = [clip for clip in clips if clip.category == category]
        count = min(limit or len(some), len(some))
        kept += [some[int(i)] for i in np.linspace(0, len(some) - 1, count)]
    return kept


def read_clip(path: Path, seconds: float) -> tuple[FloatArray, int]:
    """Return the mono sound [T] of a file and its rate; `seconds` from its middle (0: all)."""
    with open_sound(path) as sound:
        rate = sound.sample_rate_hz
        blocks = [block.mean(axis=0) for block in sound.blocks(1 << 16)]
    wav = np.concatenate([np.zeros(0, np.float32), *blocks]).astype(np.float32)
    length = min(len(wav), round(seconds * rate) if seconds else len(wav))
    begin = (len(wav) - length) // 2
    return wav[begin : begin + length], rate


def size_of(codes: Codes) -> int:
    """Return the bytes of the .codes file."""
    file = io.BytesIO()
    write_codes(codes, file)
    return len(file.getvalue())


def measure_clip(
    codec: Codec, clip: Clip, *, levels: list[int], seconds: float, names: list[str]
) -> list[Result]:
    """Encode one clip with the most levels, and measure it decoded at each number of them."""
    wav, rate = read_clip(clip.path, seconds)
    if not len(wav):
        return []
    most = codec.encode(wav, rate, levels=max(levels))
    results = []
    for count in levels:
        codes = most.truncate(levels=count)
        copy = codec.decode(codes).numpy()
        results.append(
            Result(
                clip=clip.path.name,
                category=clip.category,
                levels=count,
                seconds=len(wav) / rate,
                nominal_bps=codes.bitrate_bps,
                file_bytes=size_of(codes),
                measures={name: MEASURES[name][1](wav, copy, rate) for name in names},
            )
        )
    return results


def bootstrap(values: list[float]) -> Mean:
    """Return the mean of the finite values and its percentile bootstrap interval."""
    array = np.array([value for value in values if np.isfinite(value)])
    if not len(array):
        return Mean(float("nan"), float("nan"), float("nan"), 0)
    draws = np.random.default_rng(0).integers(len(array), size=(RESAMPLES, len(array)))
    low, high = np.percentile(array[draws].mean(axis=1), [2.5, 97.5])
    return Mean(float(array.mean()), float(low), float(high), len(array))


def summarise(results: list[Result], names: list[str]) -> list[Row]:
    """Return a row for each category and number of levels."""
    rows = []
    for category, levels in sorted({(result.category, result.levels) for result in results}):
        some = [r for r in results if (r.category, r.levels) == (category, levels)]
        seconds = sum(result.seconds for result in some)
        rows.append(
            Row(
                category=category,
                levels=levels,
                clips=len(some),
                nominal_bps=some[0].nominal_bps,
                file_bps=8 * sum(result.file_bytes for result in some) / seconds,
                measures={n: bootstrap([result.measures[n] for result in some]) for n in names},
            )
        )
    return rows


def markdown(rows: list[Row], names: list[str]) -> str:
    """Return the table."""
    lines = [
        f"| category | clips | levels | kbps | kbps of files | {' | '.join(names)} |",
        "|---" + "|--:" * (4 + len(names)) + "|",
    ]
    for row in rows:
        rates = f"{row.nominal_bps / 1000:g} | {row.file_bps / 1000:.2f}"
        cells = [_cell(row.measures[name], row.clips) for name in names]
        lines.append(
            f"| {row.category} | {row.clips} | {row.levels} | {rates} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def _cell(mean: Mean, clips: int) -> str:
    if not mean.clips:
        return "–"
    fewer = f" (of {mean.clips})" if mean.clips < clips else ""
    return f"{mean.mean:.3g} [{mean.low:.3g}, {mean.high:.3g}]{fewer}"


def without_nan(value: object) -> object:
    """Return nested dicts and lists with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def available() -> list[str]:
    """Return the measures whose packages are installed; name the others on stderr."""
    missing = {name: need for name, (need, _) in MEASURES.items() if find_spec(need) is None}
    for name, package in missing.items():
        print(f"{name} is left out: {package} is not installed", file=sys.stderr)
    return [name for name in MEASURES if name not in missing]


def numbers(text: str) -> list[int]:
    """Return the numbers of a list such as 1,4,8."""
    return [int(word) for word in text.split(",")]


def level_choices(asked: list[int], most: int) -> list[int]:
    """Return the numbers asked for, or 1, 2, 4 ... and the most."""
    if asked:
        return sorted(set(asked))
    return sorted({most, *(1 << i for i in range(most.bit_length()) if 1 << i <= most)})


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", help="folder or Hub name (default: the embedded weights)")
    parser.add_argument("--split", default="dev")
    parser.add_argument(
        "--levels", type=numbers, default=[], help="such as 1,4,8 (default: powers of two)"
    )
    parser.add_argument("--limit", type=int, default=0, help="most clips of a category")
    parser.add_argument("--seconds", type=float, default=10, help="middle of a clip; 0: all of it")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path("quality.json"))
    return parser.parse_args()


def main() -> None:
    """Measure, print and write."""
    options = parse()
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        codec = audiocodec.load(options.model)
        clips = thin_out(list_clips(options.corpus, options.split), options.limit)
        levels, names = level_choices(options.levels, codec.spec.levels), available()
        results: list[Result] = []
        for i, clip in enumerate(clips, start=1):
            print(f"{i}/{len(clips)} {clip.path.name}", file=sys.stderr)
            results += measure_clip(
                codec, clip, levels=levels, seconds=options.seconds, names=names
            )
    except AudioCodecError as error:
        sys.exit(str(error))
    rows = summarise(results, names)
    identity = codec.identity
    report = {
        "model": asdict(identity) if identity else None,
        "split": options.split,
        "seconds": options.seconds,
        "rows": [asdict(row) for row in rows],
        "clips": [asdict(result) for result in results],
    }
    text = json.dumps(without_nan(report), indent=1, allow_nan=False)
    options.json.write_text(text + "\n", encoding="utf-8")
    print(markdown(rows, names))
    print(f"\nMean and 95 % bootstrap interval over clips of up to {options.seconds:g} s, mono.")
    print("(of n): only n clips have a value. kbps of files: with headers and checksums.")
    print("STOI and PESQ-WB are made for speech.")
    if identity:
        print(f"Weights: {identity.name}, {identity.weights_sha256[:12]}.")


if __name__ == "__main__":
    main()
