"""Quality of a model on a folder of sound, per category and number of levels.

    python benchmarks/quality.py CORPUS --split dev > quality.md
    python benchmarks/quality.py CORPUS --model runs/mine/model --limit 10 --seconds 5 --levels 1,8

The short way to the model card's table; `codec eval` has every measure, other codecs and a page.
CORPUS is a folder of sound files; with a manifest.csv in it (columns path, split, category) its
rows are used, without one all sound files below. Prints Markdown, writes all numbers as JSON.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

import audiocodec
from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError
from audiocodec.evaluate.clips import Clip, FloatArray, Sound, list_clips, read_sound, spread
from audiocodec.evaluate.measures import MEASURES, choose
from audiocodec.evaluate.report import without_nan
from audiocodec.evaluate.summary import Mean, bootstrap
from audiocodec.evaluate.systems import size_of

# column -> name of the measure
COLUMNS = {
    "STOI": "stoi",
    "PESQ-WB": "pesq_wb",
    "SI-SDR dB": "si_sdr_db",
    "mel distance": "mel_distance",
}


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
class Row:
    """One line of the table: a category at a number of levels."""

    category: str
    levels: int
    clips: int
    nominal_bps: float
    file_bps: float
    measures: dict[str, Mean]


def measure_clip(
    codec: Codec, clip: Clip, *, levels: list[int], seconds: float, names: list[str]
) -> list[Result]:
    """Encode one clip with the most levels, and measure it decoded at each number of them."""
    sound = read_sound(clip.path, seconds or None)
    if not len(sound.wav):
        return []
    most = codec.encode(sound.wav, sound.sample_rate_hz, levels=max(levels))
    results = []
    for count in levels:
        codes = most.truncate(levels=count)
        copy = codec.decode(codes).numpy()
        results.append(
            Result(
                clip=clip.path.name,
                category=clip.category,
                levels=count,
                seconds=len(sound.wav) / sound.sample_rate_hz,
                nominal_bps=codes.bitrate_bps,
                file_bytes=size_of(codes),
                measures={name: measure(name, sound, copy) for name in names},
            )
        )
    return results


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


def available() -> list[str]:
    """Return the columns whose packages are installed; name the others on stderr."""
    choice = choose(tuple(COLUMNS.values()))
    for line in choice.left_out.values():
        print(line, file=sys.stderr)
    return [column for column, name in COLUMNS.items() if name in choice.names]


def measure(column: str, reference: Sound, copy: FloatArray) -> float:
    """Return one measure of a copy."""
    compare = MEASURES[COLUMNS[column]].compare
    assert compare is not None, "these columns compare sounds"
    return compare(reference.wav, copy, reference.sample_rate_hz)


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
        clips = spread(list_clips(options.corpus, options.split), options.limit or None)
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
