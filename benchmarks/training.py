"""Training steps of a recipe beside the plain eager float32 step, as a Markdown table.

python benchmarks/training.py                     # the note's recipe; on a GPU at its batch of 128
python benchmarks/training.py --recipe light_24khz --batch 4 --variants "plain,bf16"
python benchmarks/training.py --batch 128 --accumulate 32 --rounds 1 --steps 1 --warm 0 --threads 1

The variants take turns, and every figure is the median over the rounds. On a CPU it is of time
spent by the process, over all threads, so that other programs do not count: take one thread. Sound
is noise: what it is makes no difference.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from audiocodec.training.clock import PARTS
from audiocodec.training.config import Recipe, read_recipe, with_run
from audiocodec.training.data.corpus import Corpus
from audiocodec.training.data.crops import Crops
from audiocodec.training.data.manifest import Entry
from audiocodec.training.state import TrainState, new_state
from audiocodec.training.step import train_step

VARIANTS: dict[str, dict[str, bool]] = {
    "plain": {},
    "fused": {"fused": True},
    "compile": {"fused": True, "compile": True},
    "bf16": {"fused": True, "bf16": True},
    "bf16+channels_last": {"fused": True, "bf16": True, "channels_last": True},
    "bf16+compile": {"fused": True, "bf16": True, "compile": True},
    "all": {"fused": True, "bf16": True, "compile": True, "channels_last": True},
}
"""What differs from the plain step: eager, float32, Adam parameter by parameter."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A variant that is being trained in one phase."""

    name: str
    phase: int
    recipe: Recipe
    state: TrainState


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of a contender: steps a second, and the share of time of every part."""

    name: str
    phase: int
    steps_per_s: float
    shares: dict[str, float]


def noise_corpus(recipe: Recipe, device: torch.device) -> Corpus:
    """Return ten seconds of noise as a corpus."""
    rate = recipe.model.sample_rate_hz
    noise = 3000 * torch.randn(10 * rate, generator=torch.Generator().manual_seed(0))
    return Corpus(
        samples=noise.to(torch.int16),
        starts=torch.tensor([0]),
        lengths=torch.tensor([10 * rate]),
        sample_rate_hz=rate,
        entries=(Entry(Path("noise"), "", float("inf")),),
        unreadable=(),
    ).resident(device)


def contender(name: str, phase: int, recipe: Recipe, device: torch.device) -> Contender:
    """Return a variant at the beginning of a phase, which lasts for ever."""
    options = VARIANTS[name]
    alone = replace(recipe.phases[phase], until=1 << 30, discriminator_warmup=0)
    changed = with_run(
        replace(recipe, phases=(alone,)),
        **{key: options.get(key, False) for key in ("bf16", "compile", "channels_last")},
    )
    hop = recipe.model.hop_samples
    frames = max(1, round(recipe.data.segment_s * recipe.model.sample_rate_hz / hop))
    soon = replace(recipe.quantizer, kmeans_frames=frames * recipe.data.batch_size)
    changed = replace(changed, quantizer=soon)
    crops = Crops(noise_corpus(recipe, device), recipe.data, segment_samples=frames * hop, seed=1)
    state = new_state(changed, crops, device)
    if not options.get("fused"):
        for owner in (state, state.adversary):
            owner.optimizer = torch.optim.Adam(
                owner.optimizer.param_groups[0]["params"], foreach=False
            )
    return Contender(name, phase, changed, state)


def run(one: Contender, steps: int, device: torch.device) -> float:
    """Make steps; return seconds a step, on a CPU those of its work, whoever else there is."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    _wait(device)
    began = clock()
    for _ in range(steps):
        one.state.clock.begin()
        wav = one.state.crops.draw(device)
        one.state.clock.lap("data")
        train_step(one.state, wav, one.recipe)
    _wait(device)
    return (clock() - began) / steps


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure(
    contenders: list[Contender],
    *,
    rounds: int,
    steps: int,
    warm: int,
    device: torch.device,
    say: Callable[[str], None],
) -> list[Row]:
    """Measure all contenders in turns, after steps that start codebooks, and `warm` more."""
    for one in contenders:
        while not one.state.quantizer.started and one.recipe.phases[0].quantize:
            run(one, 1, device)
        if warm:
            run(one, warm, device)
        one.state.clock.totals()
        say(f"{one.name}, phase {one.phase}: warm")
    times: list[list[float]] = [[] for _ in contenders]
    for number in range(rounds):
        for one, seconds in zip(contenders, times, strict=True):
            seconds.append(run(one, steps, device))
        say(f"round {number + 1} of {rounds}")
    rows = []
    for one, seconds in zip(contenders, times, strict=True):
        totals = one.state.clock.totals()
        whole = sum(totals.values())
        shares = {part: spent / whole for part, spent in totals.items()}
        rows.append(Row(one.name, one.phase, 1 / statistics.median(seconds), shares))
    return rows


def table(rows: list[Row], audio_s: float) -> str:
    """Return Markdown: speed, the ratio to the plain step of the same phase, and shares."""
    plain = {row.phase: row.steps_per_s for row in rows if row.name == "plain"}
    head = ["phase", "step", "steps/s", "audio s/s", "ratio", *PARTS]
    lines = ["| " + " | ".join(head) + " |", "|--:|---|" + "--:|" * (len(head) - 2)]
    for row in rows:
        ratio = f"{row.steps_per_s / plain[row.phase]:.2f}" if row.phase in plain else ""
        pace = [f"{row.steps_per_s:.3g}", f"{row.steps_per_s * audio_s:.3g}", ratio]
        shares = [f"{row.shares[part]:.0%}" for part in PARTS]
        lines.append("| " + " | ".join([str(row.phase), row.name, *pace, *shares]) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="soundstream_24khz")
    parser.add_argument("--batch", type=int, default=0, help="0: the recipe's, on a CPU 2")
    parser.add_argument("--phases", default="", help="numbers; default: all of the recipe")
    parser.add_argument("--variants", default="", help=f"of {', '.join(VARIANTS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="of a contender, in every round")
    parser.add_argument("--warm", type=int, default=2, help="steps before, that count for nothing")
    parser.add_argument("--accumulate", type=int, default=0, help="pieces of a batch; 0: recipe's")
    parser.add_argument("--threads", type=int, default=0, help="of a CPU; 0: all")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = read_recipe(options.recipe)
    batch = options.batch or (recipe.data.batch_size if device.type == "cuda" else 2)
    pieces = options.accumulate or recipe.optim.accumulate
    recipe = replace(
        recipe,
        data=replace(recipe.data, batch_size=batch),
        optim=replace(recipe.optim, accumulate=pieces),
    )
    names = options.variants.split(",") if options.variants else list(VARIANTS)
    phases = [int(n) for n in options.phases.split(",") if n] or range(len(recipe.phases))
    contenders = [contender(name, n, recipe, device) for n in phases for name in names]
    rows = measure(
        contenders,
        rounds=options.rounds,
        steps=options.steps,
        warm=options.warm,
        device=device,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    threads = "" if device.type == "cuda" else f", {torch.get_num_threads()} thread(s)"
    seconds, version = recipe.data.segment_s, torch.__version__
    cut = f" in {pieces} pieces" if pieces > 1 else ""
    print(
        f"{recipe.name}, batch {batch} of {seconds:g} s{cut}, {where}{threads}, torch {version}\n"
    )
    print(table(rows, batch * seconds))


if __name__ == "__main__":
    main()
