"""Recipes: every number of a training run, read strictly from TOML and the command line."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from audiocodec.families.soundstream import SoundStreamConfig

from .losses.spectral import SPECTRAL_LOSSES
from .tables import RecipeError as RecipeError
from .tables import apply_override, build

RECIPES = Path(__file__).parent / "recipes"
SCHEDULES = ("constant", "cosine")


def _refuse(broken: bool, rule: str) -> None:
    """Raise ValueError with the rule where it is broken."""
    if broken:
        raise ValueError(rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which sound is heard, and how it is cut.

    root: folder of sound files; manifest: CSV inside it with a `path` column and, if present,
    `split`, `category` and `bandwidth_hz` ("" takes the sound files of the folder: see
    `list_entries`).
    category_shares: how often each category is drawn; a category without a share is not drawn
    at all, and an empty table draws by duration.
    full_band_share: share of draws from files of at least `full_band_hz`, where there are any;
    it is settled last, so it shifts the shares of categories that differ in it.
    gain_db: random gain, uniform between the two; the polarity is random, too.
    """

    root: str = ""
    manifest: str = ""
    train_split: str = "train"
    validation_split: str = "dev"
    segment_s: float = 1.0
    batch_size: int = 128
    category_shares: dict[str, float] = field(default_factory=dict)
    full_band_hz: float = 10_000.0
    full_band_share: float = 0.0
    gain_db: tuple[float, ...] = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that no batch can have."""
        _refuse(self.segment_s <= 0, "segment_s must be over 0")
        _refuse(self.batch_size < 1, "batch_size must be at least 1")
        shares = self.category_shares.values()
        _refuse(any(s < 0 for s in shares), "category_shares must not be negative")
        _refuse(bool(shares) and sum(shares) == 0, "category_shares must not all be 0")
        _refuse(not 0 <= self.full_band_share <= 1, "full_band_share lies between 0 and 1")
        _refuse(
            len(self.gain_db) != 2 or self.gain_db[0] > self.gain_db[1],
            "gain_db is two numbers, the smaller one first",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimConfig:
    """Adam and its schedule: linear warm-up, then constant or a cosine down to the last step."""

    generator_lr: float = 2e-4
    discriminator_lr: float = 1e-4
    generator_betas: tuple[float, ...] = (0.9, 0.99)
    discriminator_betas: tuple[float, ...] = (0.5, 0.9)
    max_grad_norm: float = 0.5
    warmup_steps: int = 1000
    schedule: str = "constant"
    final_lr_share: float = 0.02

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that Adam cannot have."""
        _refuse(min(self.generator_lr, self.discriminator_lr) < 0, "lr must not be negative")
        for name in ("generator_betas", "discriminator_betas"):
            betas = getattr(self, name)
            _refuse(
                len(betas) != 2 or not all(0 <= beta < 1 for beta in betas),
                f"{name} is two numbers from 0 to below 1",
            )
        _refuse(self.max_grad_norm <= 0, "max_grad_norm must be over 0")
        _refuse(self.warmup_steps < 0, "warmup_steps must not be negative")
        _refuse(self.schedule not in SCHEDULES, f"schedule is one of {', '.join(SCHEDULES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizerConfig:
    """How codebooks follow their vectors.

    ema_gamma: decay of the moving averages. dropout: draw the number of levels per example,
    uniformly; full_share: share of examples that keep them all. revive_below: vectors whose
    average use an update falls below it are replaced. update_every: steps gathered into one
    update, so that batch x steps stays large. kmeans_frames: latents gathered for the start.
    """

    ema_gamma: float = 0.95
    dropout: bool = True
    full_share: float = 0.0
    revive_below: float = 2.0
    update_every: int = 1
    kmeans_iterations: int = 10
    kmeans_frames: int = 6000

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that move no codebook."""
        _refuse(not 0 <= self.ema_gamma < 1, "ema_gamma is a number from 0 to below 1")
        _refuse(not 0 <= self.full_share <= 1, "full_share lies between 0 and 1")
        _refuse(self.revive_below < 0, "revive_below must not be negative")
        counts = (self.update_every, self.kmeans_iterations, self.kmeans_frames)
        names = "update_every, kmeans_iterations and kmeans_frames"
        _refuse(min(counts) < 1, f"{names} are at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorConfig:
    """Sizes of the judges; an empty tuple leaves a kind out."""

    stft_channels: int = 32
    stft_windows: tuple[int, ...] = (1024,)
    wave_channels: int = 16
    wave_poolings: tuple[int, ...] = (1, 2, 4)

    def __post_init__(self) -> None:
        """Raise ValueError for sizes that make no network."""
        _refuse(min(self.stft_channels, self.wave_channels) < 1, "channels are at least 1")
        _refuse(
            any(window < 128 or window & (window - 1) for window in self.stft_windows),
            "stft_windows are powers of two, at least 128: six strides halve their bins",
        )
        _refuse(
            self.wave_channels > 7 and self.wave_channels % 4 > 0,
            "wave_channels over 7 must be a multiple of 4, for the grouped convolutions",
        )
        _refuse(min(self.wave_poolings, default=1) < 1, "wave_poolings are at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of training with its own losses, ending before step `until`.

    quantize: False trains a plain autoencoder. The five weights are those of the note;
    complex_spectral, of a distance of complex spectra, is not in it (0).
    """

    until: int
    quantize: bool = True
    adversarial: float = 0.0
    feature: float = 0.0
    spectral: float = 1.0
    reconstruction: float = 0.0
    commitment: float = 1.0
    complex_spectral: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for a phase that has no step, or a negative weight."""
        _refuse(self.until < 1, "until must be at least 1")
        adversarial = (self.adversarial, self.feature)
        rest = (self.spectral, self.complex_spectral, self.reconstruction, self.commitment)
        _refuse(min(*adversarial, *rest) < 0, "weights must not be negative")

    @property
    def adversarial_phase(self) -> bool:
        """Tell whether discriminators take part."""
        return self.adversarial > 0 or self.feature > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Where and how long, and what is said meanwhile.

    max_minutes: end cleanly after so many, data reading included (0: no limit).
    threads: of the CPU (0: torch's own choice). bf16: autocast to bfloat16.
    validation_clips, validation_s: how many clips are measured, and how much of each.
    saved_clips: of these, how many are also written as sound files at every validation.
    """

    folder: str = "runs/soundstream"
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    bf16: bool = False
    max_minutes: float = 0.0
    save_every: int = 5000
    log_every: int = 50
    validate_every: int = 5000
    validation_clips: int = 12
    validation_s: float = 5.0
    validation_levels: tuple[int, ...] = (1, 4, 8)
    saved_clips: int = 3

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that no loop can have."""
        for name in ("save_every", "log_every", "validate_every"):
            _refuse(getattr(self, name) < 1, f"{name} must be at least 1")
        for name in ("max_minutes", "threads", "validation_clips", "saved_clips"):
            _refuse(getattr(self, name) < 0, f"{name} must not be negative")
        _refuse(self.validation_s <= 0, "validation_s must be over 0")
        _refuse(min(self.validation_levels, default=0) < 1, "validation_levels are 1 or more")

    @property
    def path(self) -> Path:
        """Return the folder of the run."""
        return Path(self.folder).expanduser()


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
        _refuse(not self.phases, "phases must have at least one entry")
        _refuse(
            any(a.until >= b.until for a, b in pairwise(self.phases)),
            "every phase's until must be after the one before it",
        )
        _refuse(
            self.spectral_loss not in SPECTRAL_LOSSES,
            f"spectral_loss is one of {', '.join(SPECTRAL_LOSSES)}",
        )
        if any(phase.adversarial_phase for phase in self.phases):
            judges = self.discriminators
            _refuse(
                not (judges.stft_windows or judges.wave_poolings),
                "an adversarial phase needs discriminators: stft_windows or wave_poolings",
            )
            # Three time strides on a hop of a quarter: shorter sound leaves no logit.
            needed = 2 * max(judges.stft_windows, default=0)
            _refuse(
                self.data.segment_s * self.model.sample_rate_hz < needed,
                f"segment_s must span {needed} samples, two of the longest stft_windows",
            )

    @property
    def steps(self) -> int:
        """Generator steps of the whole run."""
        return self.phases[-1].until

    def phase_at(self, step: int) -> Phase:
        """Return the phase that step belongs to."""
        return next((phase for phase in self.phases if step < phase.until), self.phases[-1])


def read_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file, or one of the package's by name, and apply `key.sub=value` overrides.

    Raises RecipeError for unknown keys, wrong types and unreadable files.
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
    return build(Recipe, table, where="recipe")


def recipe_names() -> list[str]:
    """Return the names of the package's recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def with_run(recipe: Recipe, **changes: Any) -> Recipe:
    """Return the recipe with some fields of its `run` table replaced."""
    return replace(recipe, run=replace(recipe.run, **changes))
