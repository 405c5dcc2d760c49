"""Speed of a model on one thread, and memory for short and long files, as Markdown.

python benchmarks/speed.py > speed.md
python benchmarks/speed.py --model runs/mine/model --levels 1,8 --repeats 5
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

import audiocodec
from audiocodec.audio.write import SoundWriter
from audiocodec.codec import Codec
from audiocodec.errors import AudioCodecError
from audiocodec.files import decode_file, encode_file

SHORT_S, LONG_S = 60, 600
LEGEND = """\
Seconds of sound for one second of CPU time on one thread: the median of {repeats} runs over
{seconds:g} s of noise at the model's own rate. A machine that does nothing else reaches the same
by the clock. Latency of one frame and the decoder: {latency:.1f} ms."""


def median_s(work: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of `work` after one run to warm up."""
    times = []
    for _ in range(repeats + 1):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times[1:])


def speed_table(codec: Codec, *, levels: list[int], seconds: float, repeats: int) -> list[str]:
    """Return the rows of real-time factors."""
    rate = codec.spec.sample_rate_hz
    wav = 0.1 * torch.randn(round(seconds * rate), generator=torch.Generator().manual_seed(0))
    rows = ["| levels | kbps | encode x real time | decode x real time |", "|--:" * 4 + "|"]
    for count in levels:
        print(f"{count} levels", file=sys.stderr)
        codes = codec.encode(wav, levels=count)
        encode = median_s(partial(codec.encode, wav, levels=count), repeats)
        decode = median_s(partial(codec.decode, codes), repeats)
        kbps = codes.bitrate_bps / 1000
        rows.append(f"| {count} | {kbps:g} | {seconds / encode:.1f} | {seconds / decode:.1f} |")
    return rows


def write_noise(path: Path, *, seconds: int, rate_hz: int) -> None:
    """Write a mono 16-bit WAV of noise."""
    generator = np.random.default_rng(0)
    with SoundWriter(path, sample_rate_hz=rate_hz, channels=1) as sound:
        for _ in range(seconds):
            noise = 0.1 * generator.standard_normal((1, rate_hz))
            sound.write(noise.astype(np.float32))


def peak_mib() -> float:
    """Return the largest resident set of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # Unlike ru_maxrss, this does not begin with what the parent process had.
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / (1 << 20)


def peak_of(way: str, model: str | None, source: Path, target: Path) -> float:
    """Return the peak memory of a fresh process that encodes or decodes one file."""
    command = [sys.executable, __file__, "--peak", way, str(source), str(target)]
    command += ["--model", model] if model else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def run_peak(way: str, model: str | None, source: Path, target: Path) -> None:
    """Encode or decode one file on one thread and print the peak memory of this process."""
    torch.set_num_threads(1)
    codec = audiocodec.load(model)
    work = encode_file if way == "encode" else decode_file
    work(source, target, codec=codec)
    print(peak_mib())


def memory_table(codec: Codec, model: str | None) -> list[str]:
    """Return the rows of peak memory for one minute and for ten."""
    with tempfile.TemporaryDirectory() as name:
        folder, peaks = Path(name), {}
        for seconds in (SHORT_S, LONG_S):
            wav, codes = folder / f"{seconds}.wav", folder / f"{seconds}.codes"
            print(f"memory for {seconds} s", file=sys.stderr)
            write_noise(wav, seconds=seconds, rate_hz=codec.spec.sample_rate_hz)
            peaks["encode", seconds] = peak_of("encode", model, wav, codes)
            peaks["decode", seconds] = peak_of("decode", model, codes, folder / "back.wav")
            (folder / "back.wav").unlink()
    rows = ["| peak memory, MiB | 1 minute | 10 minutes | ratio |", "|---" + "|--:" * 3 + "|"]
    for way in ("encode", "decode"):
        short, long = peaks[way, SHORT_S], peaks[way, LONG_S]
        rows.append(f"| `{way}_file` | {short:.0f} | {long:.0f} | {long / short:.2f} |")
    return rows


def numbers(text: str) -> list[int]:
    """Return the numbers of a list such as 1,4,8."""
    return [int(word) for word in text.split(",")]


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="folder or Hub name (default: the embedded weights)")
    parser.add_argument("--levels", type=numbers, default=[], help="such as 1,8,16")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    parser.add_argument("--peak", nargs=3, metavar=("WAY", "IN", "OUT"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse()
    torch.set_num_threads(1)
    try:
        if options.peak:
            way, source, target = options.peak
            run_peak(way, options.model, Path(source), Path(target))
            return
        codec = audiocodec.load(options.model)
        spec = codec.spec
        levels = options.levels or sorted(
            {1, spec.levels // 4 or 1, spec.levels // 2 or 1, spec.levels}
        )
        lines = speed_table(codec, levels=levels, seconds=options.seconds, repeats=options.repeats)
        behind = spec.hop_samples + codec.network.delay_samples
        legend = LEGEND.format(
            repeats=options.repeats,
            seconds=options.seconds,
            latency=1000 * behind / spec.sample_rate_hz,
        )
        lines += ["", legend]
        if not options.no_memory:
            lines += ["", *memory_table(codec, options.model)]
    except AudioCodecError as error:
        sys.exit(str(error))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
