"""Speed of a model on one thread, whole, frame by frame and from a cold start; and its memory.

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
COLD_S = 5
FRAMES = 300
LEGEND = """\
Seconds of sound for one second of CPU time on one thread: the median of {repeats} runs over
{seconds:g} s of noise at the model's own rate. A machine that does nothing else reaches the same
by the clock. Latency of one frame and the decoder: {latency:.1f} ms."""

FRAMES_LEGEND = """\
CPU time of one push where frames come one by one, all that come together at once."""


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


def frame_table(codec: Codec, *, levels: list[int], frames: int = FRAMES) -> list[str]:
    """Return the rows of CPU time for frames that are pushed one by one, there and back."""
    spec = codec.spec
    together = spec.frames_together
    block = spec.samples(together)
    generator = np.random.default_rng(0)
    heads = ["levels", "ms of sound"]
    heads += [f"{way} ms, {what}" for way in ("encode", "decode") for what in ("median", "95 %")]
    rows = [f"| {' | '.join(heads)} |", "|" + "--:|" * len(heads)]
    for count in levels:
        encoder, decoder = codec.stream_encoder(levels=count), codec.stream_decoder()
        times: dict[str, list[float]] = {"encode": [], "decode": []}
        for _ in range(frames):
            wav = 0.1 * generator.standard_normal((spec.channels, block)).astype(np.float32)
            begin = time.process_time()
            codes = encoder.push(wav)
            middle = time.process_time()
            if codes.frames:
                decoder.push(codes.indices, codes.scale)
            times["encode"].append(1000 * (middle - begin))
            times["decode"].append(1000 * (time.process_time() - middle))
        cells = [f"{count}", f"{1000 * block / spec.sample_rate_hz:g}"]
        for way in ("encode", "decode"):
            usual = sorted(times[way][frames // 10 :])  # the first ones warm up
            cells += [f"{statistics.median(usual):.2f}", f"{usual[len(usual) * 95 // 100]:.2f}"]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def cpu_of(command: list[str]) -> float:
    """Return the CPU time of a program from its start to its end, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cold_table(codec: Codec, model: str | None, *, repeats: int) -> list[str]:
    """Return the rows on a fresh `codec encode` of COLD_S seconds, beside the import of torch."""
    cold, torch_alone, warm = [], [], []
    with tempfile.TemporaryDirectory() as name:
        wav, codes = Path(name) / "in.wav", Path(name) / "out.codes"
        write_noise(wav, seconds=COLD_S, rate_hz=codec.spec.sample_rate_hz)
        command = [sys.executable, "-m", "audiocodec.cli", "encode", str(wav), str(codes), "-qf"]
        command += ["--threads", "1", *(["--model", model] if model else [])]
        encode_file(wav, codes, codec=codec, overwrite=True)
        for turn in range(repeats):
            print(f"cold start {turn + 1}", file=sys.stderr)
            torch_alone.append(cpu_of([sys.executable, "-c", "import torch"]))
            cold.append(cpu_of(command))
            begin = time.process_time()
            encode_file(wav, codes, codec=codec, overwrite=True)
            warm.append(time.process_time() - begin)
    ratio = statistics.median((c - w) / t for c, w, t in zip(cold, warm, torch_alone, strict=True))
    rows = [f"| CPU time, s, medians of {repeats} | |", "|---|--:|"]
    rows.append(f"| `codec encode` of {COLD_S} s, cold start to exit | {median(cold)} |")
    rows.append(f'| `python -c "import torch"` | {median(torch_alone)} |')
    rows.append(f"| the encoding itself, warm | {median(warm)} |")
    rows.append(f"| the first without the last, over the import of torch | {ratio:.2f} |")
    return rows


def median(values: list[float]) -> str:
    """Return the median as text."""
    return f"{statistics.median(values):.2f}"


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
    parser.add_argument("--no-cold", action="store_true", help="leave the cold start out")
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
        lines += ["", legend, "", FRAMES_LEGEND, "", *frame_table(codec, levels=levels)]
        if not options.no_cold:
            lines += ["", *cold_table(codec, options.model, repeats=options.repeats)]
        if not options.no_memory:
            lines += ["", *memory_table(codec, options.model)]
    except AudioCodecError as error:
        sys.exit(str(error))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
