"""Sound that is heard in more ways than it was recorded in: mixed, band-limited, faster, slower."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..config import DataConfig

MARGIN = 128
"""Samples around a crop whose speed is changed, so that its ends do not ring into one another."""


@dataclass(frozen=True, slots=True)
class Extra:
    """What is done to each crop, [B]: 0 dB of `mix_db` as loud as the crop, infinite: not mixed.

    cutoff_hz: infinite where the band stays. speed: 1 where it stays.
    """

    mix_db: Tensor
    cutoff_hz: Tensor
    speed: Tensor

    def rows(self, rows: slice) -> "Extra":
        """Return some crops' part."""
        return Extra(self.mix_db[rows], self.cutoff_hz[rows], self.speed[rows])


class Augment:
    """Draws and applies what `mix_share`, `band_limit_share` and `speed_share` ask for."""

    def __init__(self, config: DataConfig, sample_rate_hz: int) -> None:
        self.config, self.sample_rate_hz = config, sample_rate_hz

    def reach(self, length: int) -> int:
        """Return how many samples a crop needs before its speed is changed."""
        if not self.config.speed_share:
            return length
        return int(length * self.config.speed_range[1]) + 2 * MARGIN + 1

    def draw(self, batch: int, generator: torch.Generator) -> Extra | None:
        """Draw for a batch; None, and no number drawn, where nothing is asked for."""
        config = self.config
        if not (config.mix_share or config.band_limit_share or config.speed_share):
            return None
        chance = torch.rand(2, 3, batch, generator=generator)

        def pick(i: int, share: float, between: tuple[float, ...], otherwise: float) -> Tensor:
            value = between[0] + (between[1] - between[0]) * chance[1, i]
            return torch.where(chance[0, i] < share, value, otherwise)

        endless = float("inf")
        return Extra(
            mix_db=pick(0, config.mix_share, config.mix_snr_db, endless),
            cutoff_hz=pick(1, config.band_limit_share, config.band_limit_hz, endless),
            speed=pick(2, config.speed_share, config.speed_range, 1.0),
        )

    def apply(self, wav: Tensor, other: Tensor, extra: Extra, length: int) -> Tensor:
        """Return wav [b, reach] as [b, length], mixed with other [b, length] as drawn."""
        if self.config.speed_share:
            speeds = extra.speed.tolist()
            wav = torch.stack(
                [change_speed(w, s, length) for w, s in zip(wav, speeds, strict=True)]
            )
        wav = mix(wav, other, extra.mix_db.to(wav.device))
        return band_limit(wav, extra.cutoff_hz.to(wav.device), self.sample_rate_hz)


def change_speed(wav: Tensor, speed: float, length: int) -> Tensor:
    """Return wav [T] at another speed and pitch, cut to a length; what passes Nyquist is cut."""
    if speed == 1.0:
        return wav[:length]
    whole = length + 2 * MARGIN
    count = round(whole * speed)
    wav = functional.pad(wav[:count], (0, max(0, count - len(wav))))
    spectrum, wanted = torch.fft.rfft(wav), whole // 2 + 1
    spectrum = functional.pad(spectrum[:wanted], (0, max(0, wanted - len(spectrum))))
    changed: Tensor = torch.fft.irfft(spectrum, n=whole) * (whole / count)
    return changed[MARGIN : MARGIN + length]


def mix(wav: Tensor, other: Tensor, snr_db: Tensor) -> Tensor:
    """Return wav [b, T] with other [b, T] so many dB below it, scaled down where it would clip."""
    loudness = [x.square().mean(dim=1, keepdim=True).sqrt() for x in (wav, other)]
    gain = loudness[0] / loudness[1].clamp(min=1e-4) * 10 ** (-snr_db[:, None] / 20)
    mixed = wav + gain * other
    peak = mixed.abs().amax(dim=1, keepdim=True)
    kept = torch.isinf(snr_db)[:, None]
    return torch.where(kept, wav, mixed / peak.clamp(min=1.0))


def band_limit(wav: Tensor, cutoff_hz: Tensor, sample_rate_hz: int) -> Tensor:
    """Return wav [b, T] without what is above cutoff_hz [b], faded out over an eighth of it."""
    limited = torch.isfinite(cutoff_hz)
    if not limited.any():
        return wav
    spectrum = torch.fft.rfft(wav)
    hz = torch.fft.rfftfreq(wav.shape[1], 1 / sample_rate_hz).to(wav.device)[None]
    fade = ((cutoff_hz[:, None] - hz) / (cutoff_hz[:, None] / 8)).clamp(0, 1)
    return torch.where(limited[:, None], torch.fft.irfft(spectrum * fade, n=wav.shape[1]), wav)
