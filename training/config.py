"""Recipes: every number of a training run, read strictly from TOML and the command line."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from audiocodec.families.soundstream import SoundStreamConfig

from .losses.spectral import SPECTRAL_LOSSES
from .options import DataConfig as DataConfig
from .options import DiscriminatorConfig as DiscriminatorConfig
from .options import OptimConfig as OptimConfig
from .options import QuantizerConfig as QuantizerConfig
from .options import refuse
from .plan import Phase as Phase
from .plan import RunConfig as RunConfig
from .start import model_table
from .tables import RecipeError as RecipeError
from .tables import apply_override, build

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The whole of a run."""

    name: str
    model: SoundStreamConfig = field(default_factory=SoundStreamConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    quantizer: QuantizerConfig = field(default_factory=QuantizerConfig)
    discriminators: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    spectral_loss: str = "paper"
    phases: tuple[Phase, ...] = (Phase(until=50_000),)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        """Raise ValueError for parts that do not fit one another."""
        refuse(not self.phases, "phases must have at least one entry")
        refuse(
            any(a.until >= b.until for a, b in pairwise(self.phases)),
            "every phase's until must be after the one before it",
        )
        refuse(
            self.spectral_loss not in SPECTRAL_LOSSES,
            f"spectral_loss is one of {', '.join(SPECTRAL_LOSSES)}",
        )
        refuse(
            self.data.batch_size % self.optim.accumulate > 0,
            "batch_size must be a multiple of accumulate",
        )
        if any(phase.adversarial_phase for phase in self.phases):
            judges = self.discriminators
            refuse(
                not (judges.stft_windows or judges.band_windows or judges.wave_poolings),
                "an adversarial phase needs discriminators: "
                "stft_windows, band_windows or wave_poolings",
            )
            # Three time strides on a hop of a quarter: shorter sound leaves an STFT judge no logit.
            needed = 2 * max(*judges.stft_windows, *judges.band_windows, 0, 0)
            refuse(
                self.data.segment_s * self.model.sample_rate_hz < needed,
                f"segment_s must span {needed} samples, two of the longest windows of stft_windows "
                f"and band_windows",
            )

    @property
    def steps(self) -> int:
        """Generator steps of the whole run."""
        return self.phases[-1].until

    def phase_at(self, step: int) -> Phase:
        """Return the phase that step belongs to."""
        return next((phase for phase in self.phases if step < phase.until), self.phases[-1])

    def step_in_phase(self, step: int) -> int:
        """Return how many steps of its phase lie before a step."""
        return step - max((p.until for p in self.phases if p.until <= step), default=0)


def read_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file, or one of the package's by name, and apply `key.sub=value` overrides.

    A recipe that starts from a model needs no table `model`: it has that model's.
    Raises RecipeError for unknown keys, wrong types and unreadable files; UnknownModel.
    """
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(recipe_names())
        raise RecipeError(f"no recipe {name!r}: give a .toml file or one of {known}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not valid TOML: {error}") from error
    for override in overrides:
        apply_override(table, override)
    table.setdefault("name", path.stem)
    start = table.get("run", {}).get("start_from")
    if start and "model" not in table:
        table["model"] = model_table(str(start))
    return build(Recipe, table, where="recipe")


def recipe_names() -> list[str]:
    """Return the names of the package's recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def with_run(recipe: Recipe, **changes: Any) -> Recipe:
    """Return the recipe with some fields of its `run` table replaced."""
    return replace(recipe, run=replace(recipe.run, **changes))
