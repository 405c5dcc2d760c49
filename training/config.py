"""Recipes: every number of a training run, read strictly from TOML and the command line."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from audiocodec.errors import AudioCodecError
from audiocodec.families.soundstream import SoundStreamConfig

RECIPES = Path(__file__).parent / "recipes"


class RecipeError(AudioCodecError):
    """A recipe that cannot be read: unknown key, wrong type, impossible number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which sound is heard, and how it is cut.

    root: folder of sound files; manifest: CSV inside it with a `path` column and, if present,
    `split`, `category`, `seconds` and `bandwidth_hz` ("" takes every sound file of the folder).
    category_shares: how often each category is drawn ("" entries: by duration).
    full_band_share: share of draws from files of at least `full_band_hz`, where there are any.
    gain_db: random gain, uniform between the two.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorConfig:
    """Sizes of the judges; an empty tuple leaves a kind out."""

    stft_channels: int = 32
    stft_windows: tuple[int, ...] = (1024,)
    wave_channels: int = 16
    wave_poolings: tuple[int, ...] = (1, 2, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of training with its own losses, ending before step `until`.

    quantize: False trains a plain autoencoder. The five weights are those of the note.
    """

    until: int
    quantize: bool = True
    adversarial: float = 0.0
    feature: float = 0.0
    spectral: float = 1.0
    reconstruction: float = 0.0
    commitment: float = 1.0

    @property
    def adversarial_phase(self) -> bool:
        """Tell whether discriminators take part."""
        return self.adversarial > 0 or self.feature > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Where and how long, and what is said meanwhile."""

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
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise RecipeError(f"no recipe {name!r}: give a .toml file or one of {known}") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not valid TOML: {error}") from error
    for override in overrides:
        _override(table, override)
    table.setdefault("name", path.stem)
    return build(Recipe, table, where="recipe")


def _override(table: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise RecipeError(f"{override!r} is no override: write key=value, as in run.seed=1")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = key.strip().split(".")
    node: Any = table
    for parent in parents:
        if isinstance(node, list) and parent.isdigit() and int(parent) < len(node):
            node = node[int(parent)]
        elif isinstance(node, dict):
            node = node.setdefault(parent, {})
        else:
            raise RecipeError(f"{key}: the recipe has no such key")
    node[last] = value


T = TypeVar("T")


def build(kind: type[T], table: Mapping[str, Any], *, where: str) -> T:
    """Make a frozen dataclass of a table, refusing unknown keys and wrong types."""
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise RecipeError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")
    values = {key: _value(hints[key], value, f"{where}.{key}") for key, value in table.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise RecipeError(f"{where}: a table is needed, not {value!r}")
        return build(hint, value, where=where)
    origin = get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where}: a list is needed, not {value!r}")
        return tuple(_value(get_args(hint)[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        return {key: _value(get_args(hint)[1], v, f"{where}.{key}") for key, v in value.items()}
    if isinstance(hint, UnionType):
        hint = next(h for h in get_args(hint) if h is not type(None))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise RecipeError(f"{where}: {hint.__name__} is needed, not {value!r}")
    return value


def with_run(recipe: Recipe, **changes: Any) -> Recipe:
    """Return the recipe with some fields of its `run` table replaced."""
    return replace(recipe, run=replace(recipe.run, **changes))
