"""Size and cost of every preset as a Markdown table, counted from the layers; --time measures.

python benchmarks/presets.py > table.md
python benchmarks/presets.py --time
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from audiocodec.families.presets import PRESETS
from audiocodec.families.soundstream import SoundStream, SoundStreamConfig

LEGEND = """\
Parameters in millions. GFLOP: billions of floating-point operations for one second of sound, two
for every multiply-add of a convolution or of the search for the nearest vectors at all levels;
additions of biases, activations and look-ups are not counted. Frames and kbps: a second, from the
fewest to the most levels. Latency: the sound that must have arrived before its first code, and
what the decoder adds. Every layer is causal, so that is one frame, and one patch for a spectrum."""

TIMES_LEGEND = """\
Seconds of sound for one second of CPU time, on one thread: the median of {repeats} runs of one
second of sound, with random weights, encoding with all levels. Ratio: to the first preset, in the
same run."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Encoder, quantizer and decoder of one preset: parameters, and FLOP a second of sound."""

    parameters: tuple[int, int, int]
    flop: tuple[float, float, float]


def meta_network(config: SoundStreamConfig) -> SoundStream:
    """Return the network without memory behind its tensors: shapes only."""
    with torch.device("meta"):
        return SoundStream(config)


def count(config: SoundStreamConfig) -> Cost:
    """Count parameters, codebooks included, and operations of a preset."""
    network = meta_network(config)
    parts = (network.encoder, network.decoder)
    encoder, decoder = (sum(p.numel() for p in part.parameters()) for part in parts)
    codebooks = network.quantizer.codebooks.numel()
    frame_rate = config.spec.frame_rate_hz
    return Cost(
        parameters=(encoder, codebooks, decoder),
        flop=(
            flop_per_frame(network.encoder, 1, config.hop_samples) * frame_rate,
            # Each vector of each level is multiplied with its slice of the latent once a frame.
            2 * codebooks * frame_rate,
            flop_per_frame(network.decoder, config.latent_dim, 1) * frame_rate,
        ),
    )


def flop_per_frame(part: nn.Module, channels: int, columns: int) -> float:
    """Return what torch counts for one more frame of input [1, channels, columns]."""
    totals = []
    for frames in (16, 32):  # the difference leaves out what is computed once for the past
        x = torch.empty(1, channels, frames * columns, device="meta")
        with FlopCounterMode(display=False) as counter:
            part(x)
        totals.append(counter.get_total_flops())
    return float(totals[1] - totals[0]) / 16


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of sound a second on one thread: encoder with quantizer, decoder."""

    encode: float
    decode: float


@torch.inference_mode()
def measure(config: SoundStreamConfig, *, repeats: int) -> Speed:
    """Time one second of sound after another through encoder and decoder with random weights."""
    torch.manual_seed(0)
    network = SoundStream(config).eval()
    network.quantizer.codebooks.normal_()
    frames = round(config.spec.frame_rate_hz)
    wav = 0.1 * torch.randn(1, 1, frames * config.hop_samples)
    indices = torch.randint(config.codebook_size, (1, config.levels, frames))
    encode = median_s(lambda: network.encode(wav, levels=config.levels), repeats)
    decode = median_s(lambda: network.decode(indices), repeats)
    seconds = wav.shape[-1] / config.sample_rate_hz
    return Speed(seconds / encode, seconds / decode)


def median_s(work: Callable[[], object], repeats: int) -> float:
    """Return the median time of `work` after two runs to warm up.

    On one thread, the process's CPU time is what a clock would show if nothing else ran.
    """
    times = []
    for _ in range(repeats + 2):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times[2:])


def cost_table() -> list[str]:
    """Return the rows of sizes and operations."""
    rows = [
        "| preset | parameters: encoder | quantizer | decoder | sum "
        "| GFLOP: encoder | quantizer | decoder | sum | frames | kbps | latency |",
        "|---" + "|--:" * 11 + "|",
    ]
    for name, config in PRESETS.items():
        cost, spec = count(config), config.spec
        sizes = [f"{n / 1e6:.2f}" for n in (*cost.parameters, sum(cost.parameters))]
        flop = [f"{n / 1e9:.2f}" for n in (*cost.flop, sum(cost.flop))]
        rates = f"{spec.bitrate_bps(1) / 1000:g} to {spec.bitrate_bps() / 1000:g}"
        behind = config.hop_samples + config.delay_samples
        latency = f"{1000 * behind / config.sample_rate_hz:.1f} ms"
        cells = [f"`{name}`", *sizes, *flop, f"{spec.frame_rate_hz:g}", rates, latency]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def time_table(repeats: int) -> list[str]:
    """Return the rows of measured speeds, each beside its ratio to the first preset's."""
    rows = [
        "| preset | encode x real time | ratio | decode x real time | ratio |",
        "|---" + "|--:" * 4 + "|",
    ]
    first: Speed | None = None
    for name, config in PRESETS.items():
        print(name, file=sys.stderr)
        speed = measure(config, repeats=repeats)
        first = first or speed
        ratios = (speed.encode / first.encode, speed.decode / first.decode)
        rows.append(
            f"| `{name}` | {speed.encode:.1f} | {ratios[0]:.1f} "
            f"| {speed.decode:.1f} | {ratios[1]:.1f} |"
        )
    return rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", action="store_true", help="measure speeds as well")
    parser.add_argument("--repeats", type=int, default=9, help="runs to take the median of")
    options = parser.parse_args()
    print("\n".join([*cost_table(), "", LEGEND]))
    if options.time:
        torch.set_num_threads(1)
        legend = TIMES_LEGEND.format(repeats=options.repeats)
        print("\n".join(["", *time_table(options.repeats), "", legend]))


if __name__ == "__main__":
    main()
