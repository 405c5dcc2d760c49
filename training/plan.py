"""The table `run` of a recipe, and its phases."""

from dataclasses import dataclass
from pathlib import Path

from .options import refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of training with its own losses, ending before step `until`.

    quantize: False trains a plain autoencoder. The five weights are those of the note;
    complex_spectral, of a distance of complex spectra, is not in it (0).
    fresh_discriminators: judges that know nothing yet take the place of those before.
    discriminator_warmup: steps at the beginning in which the judges alone learn; the generator,
    which does not hear them before, stays as it is.
    """

    until: int
    quantize: bool = True
    adversarial: float = 0.0
    feature: float = 0.0
    spectral: float = 1.0
    reconstruction: float = 0.0
    commitment: float = 1.0
    complex_spectral: float = 0.0
    fresh_discriminators: bool = False
    discriminator_warmup: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a phase that has no step, or a negative weight."""
        refuse(self.until < 1, "until must be at least 1")
        adversarial = (self.adversarial, self.feature)
        rest = (self.spectral, self.complex_spectral, self.reconstruction, self.commitment)
        refuse(min(*adversarial, *rest) < 0, "weights must not be negative")
        refuse(self.discriminator_warmup < 0, "discriminator_warmup must not be negative")
        refuse(
            not self.adversarial_phase
            and (self.discriminator_warmup > 0 or self.fresh_discriminators),
            "without a weight of adversarial or feature there are no discriminators to warm up",
        )

    @property
    def adversarial_phase(self) -> bool:
        """Tell whether discriminators take part."""
        return self.adversarial > 0 or self.feature > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Where and how long, and what is said meanwhile.

    start_from: a model folder or name, as of `audiocodec.load`, whose weights the first step
    begins with ("embedded": those inside the package; "": random ones).
    max_minutes: end cleanly after so many, data reading included (0: no limit).
    threads: of the CPU (0: torch's own choice). bf16: autocast to bfloat16.
    compile: torch.compile the networks; the first steps then take minutes. channels_last: memory
    layout of the STFT discriminators.
    validation_clips, validation_s: how many clips are measured, and how much of each.
    tensorboard: write its events, too, where it is installed.
    saved_clips: of these, how many are also written as sound files at every validation.
    """

    folder: str = "runs/soundstream"
    start_from: str = ""
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    bf16: bool = False
    compile: bool = False
    channels_last: bool = False
    max_minutes: float = 0.0
    save_every: int = 5000
    log_every: int = 50
    validate_every: int = 5000
    validation_clips: int = 12
    validation_s: float = 5.0
    validation_levels: tuple[int, ...] = (1, 4, 8)
    saved_clips: int = 3
    tensorboard: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that no loop can have."""
        for name in ("save_every", "log_every", "validate_every"):
            refuse(getattr(self, name) < 1, f"{name} must be at least 1")
        for name in ("max_minutes", "threads", "validation_clips", "saved_clips"):
            refuse(getattr(self, name) < 0, f"{name} must not be negative")
        refuse(self.validation_s <= 0, "validation_s must be over 0")
        refuse(min(self.validation_levels, default=0) < 1, "validation_levels are 1 or more")

    @property
    def path(self) -> Path:
        """Return the folder of the run."""
        return Path(self.folder).expanduser()
