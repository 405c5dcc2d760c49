"""Presets build, have the rates of their sources, and are what the recipes train."""

from pathlib import Path

import pytest
import torch
from audiocodec.training.config import RECIPES, read_recipe

from audiocodec.families.presets import PRESETS
from audiocodec.families.soundstream import SoundStream

RECIPE_OF = {
    "soundstream_24khz": "soundstream_24khz",
    "soundstream_paper_24khz": "soundstream_paper",
    "soundstream_spectrum_24khz": "embedded_24khz",
}


@pytest.mark.parametrize("name", PRESETS)
def test_it_builds(name: str) -> None:
    config = PRESETS[name]
    with torch.device("meta"):
        network = SoundStream(config)
        wav = torch.empty(1, 1, 3 * config.hop_samples)
        latents, _ = network.encoder(wav)
        back, _ = network.decoder(latents)
    assert latents.shape == (1, config.latent_dim, 3)
    assert back.shape == wav.shape


@pytest.mark.parametrize(
    ("name", "frames_hz", "kbps"),
    [
        ("soundstream_24khz", 50, 4),
        ("soundstream_light_24khz", 50, 4),
        ("soundstream_paper_24khz", 75, 6),
    ],
)
def test_rates_are_those_of_the_sources(name: str, frames_hz: int, kbps: int) -> None:
    spec = PRESETS[name].spec
    assert (spec.frame_rate_hz, spec.bitrate_bps() / 1000) == (frames_hz, kbps)


def test_names_of_variants_tell_their_widths() -> None:
    for name, config in PRESETS.items():
        words = name.removesuffix("_24khz").split("_")
        assert config.sample_rate_hz == 24_000
        if words[-1].isdigit():
            widths = (config.encoder_channels[0], config.decoder_channels[0])
            assert widths == (int(words[-2]), int(words[-1]))


@pytest.mark.parametrize(("preset", "recipe"), RECIPE_OF.items())
def test_the_recipe_trains_the_preset(preset: str, recipe: str) -> None:
    if not Path(RECIPES / f"{recipe}.toml").exists():
        pytest.skip(f"there is no recipe {recipe} yet")
    assert read_recipe(recipe).model == PRESETS[preset]
