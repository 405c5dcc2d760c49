"""Training that begins with the weights of a model, and with judges that know nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from audiocodec.training.config import Recipe, read_recipe
from audiocodec.training.export import export
from audiocodec.training.start import model_table
from audiocodec.training.state import TrainState
from audiocodec.training.step import train_step
from audiocodec.training.tables import build

import audiocodec
from audiocodec.errors import AudioCodecError, UnknownModel
from audiocodec.families.lyra import Lyra
from audiocodec.families.network import CodecNetwork
from audiocodec.families.weights.lyra_float import in_float
from audiocodec.folder import save_folder

MakeState = Callable[[Recipe], TrainState]


def run(state: TrainState, recipe: Recipe, steps: int) -> list[set[str]]:
    draws = (state.crops.draw(torch.device("cpu")) for _ in range(steps))
    return [set(train_step(state, wav, recipe).losses) for wav in draws]


@pytest.fixture
def folder(tmp_path: Path, recipe: Recipe, make_state: MakeState) -> Path:
    """Return a model that was trained for a few steps."""
    state = make_state(recipe)
    run(state, recipe, 6)
    export(state.network, tmp_path / "model", recipe=recipe, step=6)
    return tmp_path / "model"


def starting(recipe: Recipe, folder: Path) -> Recipe:
    return replace(recipe, run=replace(recipe.run, start_from=str(folder)))


def test_a_run_begins_with_the_weights_and_codebooks(
    folder: Path, recipe: Recipe, make_state: MakeState
) -> None:
    donor = make_state(starting(recipe, folder)).network.state_dict()
    recipe = replace(starting(recipe, folder), phases=recipe.phases[1:])
    state = make_state(recipe)
    assert state.quantizer.started and float(state.quantizer.uses.sum()) == 3 * 3 * 16 * 2
    words = state.quantizer.sums / state.quantizer.uses[..., None]
    assert torch.allclose(words, donor["quantizer.codebooks"], atol=1e-5)
    assert float(words.abs().sum()) > 0
    assert {"spectral", "reconstruction", "commitment"} == run(state, recipe, 4)[0]
    after = state.network.state_dict()
    assert not any(torch.equal(after[name], donor[name]) for name in donor)
    drift = (after["quantizer.codebooks"] - donor["quantizer.codebooks"]).abs().median()
    assert drift < 0.3 * donor["quantizer.codebooks"].abs().median(), "no jump at the first update"


def test_the_shape_must_be_the_recipes(folder: Path, recipe: Recipe, make_state: MakeState) -> None:
    other = replace(recipe, model=replace(recipe.model, levels=2))
    with pytest.raises(UnknownModel, match="levels is 3 instead of 2"):
        make_state(starting(other, folder))


def test_a_recipe_without_a_model_takes_that_of_the_start(
    tmp_path: Path, folder: Path, recipe: Recipe
) -> None:
    (tmp_path / "fine.toml").write_text('[run]\nfolder = "x"\n')
    found = read_recipe(str(tmp_path / "fine.toml"), [f"run.start_from={folder}"])
    assert found.model == recipe.model


def test_lyra_is_trained_on_in_float(
    tmp_path: Path, table: dict[str, Any], make_state: MakeState, lyra_files: Any
) -> None:
    lyra: Lyra = lyra_files.tiny_lyra()
    save_folder(lyra, tmp_path / "lyra", family="lyra", name="tiny")
    table["model"] = model_table(str(tmp_path / "lyra"))
    table["data"]["segment_s"] = 0.032  # of 16 kHz
    recipe = build(Recipe, table, where="recipe")
    state = make_state(replace(starting(recipe, tmp_path / "lyra"), phases=recipe.phases[1:]))
    before = {name: t.clone() for name, t in state.network.state_dict().items()}
    twin = in_float(lyra).state_dict()
    assert all(torch.equal(tensor, twin[name]) for name, tensor in before.items())
    assert "commitment" in run(state, recipe, 4)[0]
    export(state.network, tmp_path / "model", recipe=recipe, step=4)
    codec = audiocodec.load(tmp_path / "model")
    assert isinstance(codec.network, CodecNetwork)
    assert not any(torch.equal(t, before[n]) for n, t in codec.network.state_dict().items())
    assert codec.decode(codec.encode(torch.randn(800))).shape == (800,)


def test_other_families_and_missing_folders_are_refused(
    tmp_path: Path, recipe: Recipe, make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownModel):
        make_state(starting(recipe, tmp_path / "nothing"))
    other = SimpleNamespace(network=CodecNetwork())
    monkeypatch.setattr("audiocodec.training.start.load", lambda _: other)
    with pytest.raises(AudioCodecError, match="is CodecNetwork, which the trainer cannot go on"):
        make_state(starting(recipe, tmp_path))


def judging(table: dict[str, Any], **changes: Any) -> Recipe:
    table["phases"][2] |= changes
    return build(Recipe, table, where="recipe")


def weights(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def test_judges_warm_up_alone(table: dict[str, Any], make_state: MakeState) -> None:
    recipe = judging(table, discriminator_warmup=2)
    state = make_state(recipe)
    run(state, recipe, 6)
    network = {name: t.clone() for name, t in state.network.state_dict().items()}
    judges = weights(state.adversary.judges)
    assert run(state, recipe, 2) == [{"discriminator"}] * 2
    assert all(torch.equal(t, network[name]) for name, t in state.network.state_dict().items())
    assert not torch.equal(weights(state.adversary.judges), judges)
    assert {"adversarial", "feature", "discriminator"} < run(state, recipe, 1)[0]
    assert not torch.equal(next(state.network.parameters()), network["encoder.layers.0.weight"])


def test_fresh_judges_take_the_place_of_trained_ones(
    table: dict[str, Any], make_state: MakeState
) -> None:
    table["phases"][1] |= {"adversarial": 1.0}
    recipe = judging(table, fresh_discriminators=True, discriminator_warmup=1)
    state, other = make_state(recipe), make_state(recipe)
    run(state, recipe, 6)
    trained = weights(state.adversary.judges)
    assert state.adversary.optimizer.state
    run(state, recipe, 1)
    run(other, recipe, 7)
    assert (weights(state.adversary.judges) - trained).abs().max() > 0.05
    (steps,) = {int(s["step"]) for s in state.adversary.optimizer.state.values()}
    assert steps == 1
    assert torch.equal(weights(state.adversary.judges), weights(other.adversary.judges))


def test_a_warm_up_needs_judges(table: dict[str, Any]) -> None:
    table["phases"][1] |= {"discriminator_warmup": 3}
    with pytest.raises(AudioCodecError, match="no discriminators to warm up"):
        build(Recipe, table, where="recipe")


def test_judges_that_never_learnt_may_change_their_size(
    recipe: Recipe, make_state: MakeState
) -> None:
    wider = replace(recipe, discriminators=replace(recipe.discriminators, stft_channels=2))
    before, after = make_state(recipe), make_state(recipe)
    run(before, recipe, 6)
    run(after, recipe, 7)
    state = make_state(wider)
    state.load_state_dict(before.state_dict())
    run(state, wider, 1)
    with pytest.raises(RuntimeError, match="size mismatch"):
        make_state(wider).load_state_dict(after.state_dict())
