"""The tables of a recipe: what a batch, an optimizer, a quantizer and the judges may be told."""

from dataclasses import dataclass, field

LAYOUTS = ("folders", "libritts", "vctk")
SCHEDULES = ("constant", "cosine")


def refuse(broken: bool, rule: str) -> None:
    """Raise ValueError with the rule where it is broken."""
    if broken:
        raise ValueError(rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which sound is heard, and how it is cut.

    root: folder of sound files; manifest: CSV inside it with a `path` column and, if present,
    `split`, `category` and `bandwidth_hz` ("" takes the sound files of the folder: see
    `list_entries`).
    layout: how a folder without a manifest is told apart: "folders", "libritts" (split / speaker /
    chapter / file) or "vctk" (speaker / file; every twentieth speaker is held out).
    dataset: a Hugging Face audio dataset, name or folder, instead of root, with the name of its
    configuration and its columns of sound, category and speaker ("": none); streaming: read it as
    it comes, without keeping a copy on disk.
    max_hours: read no more than this of a split, in random order where it is known (0: all).
    balance_speakers: 0 draws by duration, 1 every speaker of a category alike, and between.
    category_shares: how often each category is drawn; a category without a share is not drawn
    at all, and an empty table draws by duration.
    full_band_share: share of draws from files of at least `full_band_hz`, where there are any;
    it is settled last, so it shifts the shares of categories that differ in it.
    gain_db: random gain, uniform between the two; the polarity is random, too.
    mix_share, band_limit_share, speed_share: of crops that another crop is mixed into, mix_snr_db
    below; whose band ends at band_limit_hz; that are faster or slower by speed_range. Each is
    uniform between its two numbers.
    """

    root: str = ""
    manifest: str = ""
    train_split: str = "train"
    validation_split: str = "dev"
    layout: str = "folders"
    dataset: str = ""
    dataset_config: str = ""
    audio_column: str = "audio"
    category_column: str = ""
    speaker_column: str = ""
    streaming: bool = True
    max_hours: float = 0.0
    segment_s: float = 1.0
    batch_size: int = 128
    category_shares: dict[str, float] = field(default_factory=dict)
    balance_speakers: float = 0.0
    full_band_hz: float = 10_000.0
    full_band_share: float = 0.0
    gain_db: tuple[float, ...] = (0.0, 0.0)
    mix_share: float = 0.0
    mix_snr_db: tuple[float, ...] = (0.0, 20.0)
    band_limit_share: float = 0.0
    band_limit_hz: tuple[float, ...] = (3000.0, 8000.0)
    speed_share: float = 0.0
    speed_range: tuple[float, ...] = (0.9, 1.1)

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that no batch can have."""
        refuse(self.segment_s <= 0, "segment_s must be over 0")
        refuse(self.batch_size < 1, "batch_size must be at least 1")
        shares = self.category_shares.values()
        refuse(any(s < 0 for s in shares), "category_shares must not be negative")
        refuse(bool(shares) and sum(shares) == 0, "category_shares must not all be 0")
        refuse(self.layout not in LAYOUTS, f"layout is one of {', '.join(LAYOUTS)}")
        refuse(self.max_hours < 0, "max_hours must not be negative")
        refuse(not 0 <= self.balance_speakers <= 1, "balance_speakers lies between 0 and 1")
        for name in ("full_band_share", "mix_share", "band_limit_share", "speed_share"):
            refuse(not 0 <= getattr(self, name) <= 1, f"{name} lies between 0 and 1")
        for name in ("gain_db", "mix_snr_db", "band_limit_hz", "speed_range"):
            pair = getattr(self, name)
            refuse(
                len(pair) != 2 or pair[0] > pair[1],
                f"{name} is two numbers, the smaller one first",
            )
        for name in ("band_limit_hz", "speed_range"):
            refuse(getattr(self, name)[0] <= 0, f"{name} are over 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimConfig:
    """Adam and its schedule: linear warm-up, then constant or a cosine down to the last step.

    accumulate: pieces that a batch is computed in, one after the other, where it does not fit
    into memory at once; the result is that of the whole batch.
    weight_ema: decay a step of the moving average of the generator's weights that is validated
    and exported (0: none is kept).
    balance: the weights of a phase are shares of the gradient at the generator's output and not
    factors of losses (but for `commitment`, which has no gradient there). balance_decay: of the
    averages of the gradients' norms; balance_norm: of the balanced gradient.
    """

    generator_lr: float = 2e-4
    discriminator_lr: float = 1e-4
    generator_betas: tuple[float, ...] = (0.9, 0.99)
    discriminator_betas: tuple[float, ...] = (0.5, 0.9)
    max_grad_norm: float = 0.5
    warmup_steps: int = 1000
    schedule: str = "constant"
    final_lr_share: float = 0.02
    accumulate: int = 1
    weight_ema: float = 0.0
    balance: bool = False
    balance_decay: float = 0.999
    balance_norm: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that Adam cannot have."""
        refuse(min(self.generator_lr, self.discriminator_lr) < 0, "lr must not be negative")
        for name in ("generator_betas", "discriminator_betas"):
            betas = getattr(self, name)
            refuse(
                len(betas) != 2 or not all(0 <= beta < 1 for beta in betas),
                f"{name} is two numbers from 0 to below 1",
            )
        refuse(self.max_grad_norm <= 0, "max_grad_norm must be over 0")
        refuse(self.warmup_steps < 0, "warmup_steps must not be negative")
        refuse(self.accumulate < 1, "accumulate must be at least 1")
        for name in ("weight_ema", "balance_decay"):
            refuse(not 0 <= getattr(self, name) < 1, f"{name} is a number from 0 to below 1")
        refuse(self.balance_norm <= 0, "balance_norm must be over 0")
        refuse(self.schedule not in SCHEDULES, f"schedule is one of {', '.join(SCHEDULES)}")


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
        refuse(not 0 <= self.ema_gamma < 1, "ema_gamma is a number from 0 to below 1")
        refuse(not 0 <= self.full_share <= 1, "full_share lies between 0 and 1")
        refuse(self.revive_below < 0, "revive_below must not be negative")
        counts = (self.update_every, self.kmeans_iterations, self.kmeans_frames)
        names = "update_every, kmeans_iterations and kmeans_frames"
        refuse(min(counts) < 1, f"{names} are at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorConfig:
    """Sizes of the judges; an empty tuple leaves a kind out.

    band_channels: of each of the eight bands.
    """

    stft_channels: int = 32
    stft_windows: tuple[int, ...] = (1024,)
    band_channels: int = 16
    band_windows: tuple[int, ...] = ()
    wave_channels: int = 16
    wave_poolings: tuple[int, ...] = (1, 2, 4)

    def __post_init__(self) -> None:
        """Raise ValueError for sizes that make no network."""
        channels = (self.stft_channels, self.band_channels, self.wave_channels)
        refuse(min(channels) < 1, "channels are at least 1")
        refuse(
            any(window < 16 or window % 16 for window in self.band_windows),
            "band_windows are multiples of 16: half their bins, in eight bands",
        )
        refuse(
            any(window < 128 or window & (window - 1) for window in self.stft_windows),
            "stft_windows are powers of two, at least 128: six strides halve their bins",
        )
        refuse(
            self.wave_channels > 7 and self.wave_channels % 4 > 0,
            "wave_channels over 7 must be a multiple of 4, for the grouped convolutions",
        )
        refuse(min(self.wave_poolings, default=1) < 1, "wave_poolings are at least 1")
