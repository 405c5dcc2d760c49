"""The reference note's table of numbers, and where a recipe has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row of the note: its name there, its value there, and this run's."""

    name: str
    note: str
    run: str
    meaning: str

    @property
    def changed(self) -> bool:
        """Tell whether the run departs from the note."""
        return self.note != self.run


def parameters(recipe: Mapping[str, Any]) -> list[Parameter]:
    """Return the note's rows with the values of a recipe's tables; none where there are none."""
    if not recipe:
        return []
    data, optim, quantizer = recipe["data"], recipe["optim"], recipe["quantizer"]
    model, run, phases = recipe["model"], recipe["run"], recipe["phases"]
    loud = [phase for phase in phases if phase["adversarial"] or phase["feature"]]
    first = next((i for i, phase in enumerate(phases) if phase in loud), len(phases))
    begin = phases[first - 1]["until"] if first else 0
    weights = ("adversarial", "feature", "spectral", "reconstruction", "commitment")
    rows = [
        ("batch_size", 128, data["batch_size"], "clips a step"),
        ("segment", "1 s", f"{data['segment_s']:g} s", "length of a clip"),
        ("max_grad_norm", 0.5, optim["max_grad_norm"], "gradient clipping"),
        ("warmup_steps", 1000, optim["warmup_steps"], "linear warm-up of the learning rate"),
        ("G_lr", 2e-4, optim["generator_lr"], "of the generator, Adam"),
        ("D_lr", 1e-4, optim["discriminator_lr"], "of the discriminators, Adam"),
        ("G_betas", (0.9, 0.99), optim["generator_betas"], ""),
        ("D_betas", (0.5, 0.9), optim["discriminator_betas"], ""),
        ("n_iter .. max_iter", "50000 .. 100000",
         f"{begin} .. {phases[-1]['until']}" if loud else "none", "the adversarial phase"),
        ("rq_ema_gamma", 0.95, quantizer["ema_gamma"], "moving average of the codebooks"),
        ("use_quantizer_dropout", True, quantizer["dropout"], "levels drawn for every example"),
        ("C", 32, model["encoder_channels"][0], "channels of the first layer"),
        ("strides", (3, 4, 5, 8), model["strides"], "480 samples a frame: 50 Hz"),
        ("levels x vectors", "8 x 1024", f"{model['levels']} x {model['codebook_size']}", ""),
        ("save_every", 5000, run["save_every"], "steps between checkpoints"),
        ("weights", (1.0, 0.1, 0.01, 1.0, 1.0),
         [loud[-1][name] for name in weights] if loud else "none",
         "adversarial, feature, multi-spectral, reconstruction, commitment"),
    ]  # fmt: skip
    return [Parameter(name, _text(note), _text(mine), what) for name, note, mine, what in rows]


def _text(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
