"""Recipes: the package's own say what they should, and impossible ones are refused."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from audiocodec.training.config import (
    RECIPES,
    Phase,
    Recipe,
    RecipeError,
    read_recipe,
    recipe_names,
    with_run,
)
from audiocodec.training.tables import apply_override, build

from audiocodec.families.soundstream import SoundStreamConfig


def test_the_notes_recipe_has_the_notes_numbers() -> None:
    recipe = read_recipe("soundstream_24khz")
    model, optim, quantizer = recipe.model, recipe.optim, recipe.quantizer
    assert model.strides == (3, 4, 5, 8) and model.hop_samples == 480
    assert model.encoder_channels == model.decoder_channels == (32, 64, 128, 256, 512)
    assert (model.latent_dim, model.levels, model.codebook_size) == (512, 8, 1024)
    assert model.spec.bitrate_bps() == 4000
    assert recipe.data.batch_size == 128
    assert (optim.max_grad_norm, optim.warmup_steps) == (0.5, 1000)
    assert (optim.generator_lr, optim.discriminator_lr) == (2e-4, 1e-4)
    assert (optim.generator_betas, optim.discriminator_betas) == ((0.9, 0.99), (0.5, 0.9))
    assert (quantizer.ema_gamma, quantizer.dropout, quantizer.update_every) == (0.95, True, 1)
    assert recipe.run.save_every == 5000
    warm_up, adversarial = recipe.phases
    assert warm_up.until == 50_000 and warm_up.spectral == 1 and not warm_up.adversarial_phase
    assert adversarial == Phase(
        until=100_000,
        adversarial=1.0,
        feature=0.1,
        spectral=0.01,
        reconstruction=1.0,
        commitment=1.0,
    )


def test_the_papers_recipe_has_the_papers_numbers() -> None:
    recipe = read_recipe("soundstream_paper")
    assert recipe.model.strides == (2, 4, 5, 8)
    assert recipe.model.spec.frame_rate_hz == 75 and recipe.model.spec.bitrate_bps() == 6000
    assert (recipe.quantizer.ema_gamma, recipe.quantizer.revive_below) == (0.99, 2.0)
    (phase,) = recipe.phases
    assert (phase.adversarial, phase.feature, phase.spectral) == (1, 100, 1)


@pytest.mark.parametrize("name", ["soundstream_24khz", "soundstream_paper", "light_24khz"])
def test_recipes_spell_every_number_of_the_model_and_the_weights(name: str) -> None:
    table = tomllib.loads((RECIPES / f"{name}.toml").read_text(encoding="utf-8"))
    numbers = {f.name for f in fields(SoundStreamConfig) if not isinstance(f.default, str)}
    assert numbers <= set(table["model"])
    beyond_the_note = {"complex_spectral", "fresh_discriminators", "discriminator_warmup"}
    for phase in table["phases"]:
        assert {f.name for f in fields(Phase)} - beyond_the_note == set(phase)


def test_every_recipe_of_the_package_is_readable() -> None:
    assert {"soundstream_24khz", "soundstream_paper", "light_24khz", "smoke"} <= set(recipe_names())
    for name in recipe_names():
        assert read_recipe(name).name == name


def test_overrides_reach_into_phases() -> None:
    recipe = read_recipe("smoke", ["phases.0.until=10", "data.root=some/folder", "run.seed=3"])
    assert (recipe.phases[0].until, recipe.data.root, recipe.run.seed) == (10, "some/folder", 3)


def test_phases_follow_one_another(recipe: Recipe) -> None:
    phases = [recipe.phases.index(recipe.phase_at(step)) for step in (0, 1, 2, 5, 6, 9, 99)]
    assert phases == [0, 0, 1, 1, 2, 2, 2]
    assert recipe.steps == 10


def test_with_run_changes_the_run_alone(recipe: Recipe) -> None:
    changed = with_run(recipe, seed=7)
    assert changed.run.seed == 7 and changed.data == recipe.data


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("phases=[]", "phases must have at least one entry"),
        ("phases.1.until=2", "every phase's until must be after the one before it"),
        ("phases.0.spectral=-1", r"phases\[0\]: weights must not be negative"),
        ("spectral_loss=mel", "spectral_loss is one of paper, log_mel"),
        ("optim.schedule=linear", "recipe.optim: schedule is one of constant, cosine"),
        ("optim.generator_betas=[0.9]", "generator_betas is two numbers"),
        ("optim.max_grad_norm=0", "max_grad_norm must be over 0"),
        ("data.batch_size=0", "recipe.data: batch_size must be at least 1"),
        ("data.gain_db=[3.0, -3.0]", "gain_db is two numbers, the smaller one first"),
        ("data.category_shares={speech=0.0}", "category_shares must not all be 0"),
        ("data.segment_s=0.02", "segment_s must span 256 samples"),
        ("quantizer.ema_gamma=1.0", "ema_gamma is a number from 0 to below 1"),
        ("quantizer.update_every=0", "update_every, .* are at least 1"),
        ("discriminators.stft_windows=[100]", "stft_windows are powers of two"),
        ("discriminators.wave_channels=9", "wave_channels over 7 must be a multiple of 4"),
        ("discriminators={stft_windows=[], wave_poolings=[]}", "needs discriminators"),
        ("model.strides=[2, 2]", "recipe.model: 2 strides need 3 channel widths"),
        ("run.log_every=0", "recipe.run: log_every must be at least 1"),
        ("run.validation_levels=[]", "validation_levels are 1 or more"),
    ],
)
def test_impossible_numbers_are_refused(table: dict[str, Any], override: str, message: str) -> None:
    apply_override(table, override)
    with pytest.raises(RecipeError, match=message):
        build(Recipe, table, where="recipe")


def test_unreadable_recipes_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe 'nope': give a .toml file or one of .*smoke"):
        read_recipe("nope")
    (tmp_path / "bad.toml").write_text("[model\n")
    with pytest.raises(RecipeError, match="bad.toml: not valid TOML"):
        read_recipe(str(tmp_path / "bad.toml"))
    (tmp_path / "sound.toml").write_bytes(b"RIFF\xff\xfe")
    with pytest.raises(RecipeError, match="sound.toml: not valid TOML"):
        read_recipe(str(tmp_path / "sound.toml"))
    (tmp_path / "named.toml").write_text("[data]\nbatch_size = 2\n")
    assert read_recipe(str(tmp_path / "named.toml")).name == "named"
