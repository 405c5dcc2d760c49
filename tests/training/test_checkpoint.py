"""A run that was cut in two is the run that was not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from audiocodec.training import checkpoint
from audiocodec.training.config import Recipe
from audiocodec.training.state import TrainState
from audiocodec.training.step import train_step
from torch import Tensor

from audiocodec.atomic import atomic_output

CPU = torch.device("cpu")
MakeState = Callable[[Recipe], TrainState]


def run(state: TrainState, recipe: Recipe, steps: int) -> list[float]:
    """Train and return the spectral losses."""
    return [
        float(train_step(state, state.crops.draw(CPU), recipe).losses["spectral"])
        for _ in range(steps)
    ]


def tensors(value: object, name: str = "") -> dict[str, Tensor]:
    """Return every tensor inside nested dictionaries and lists, by its place."""
    if isinstance(value, Tensor):
        return {name: value}
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {}
    return {k: t for key, item in value.items() for k, t in tensors(item, f"{name}.{key}").items()}


# Steps 0 and 1 are without a quantizer, 2 to 5 with one, 6 to 9 adversarial; codebooks are
# started in step 2 or 3, and gather over two steps.
@pytest.mark.parametrize("first", [0, 1, 2, 3, 4, 5, 6, 8])
def test_four_steps_are_two_and_two(
    tmp_path: Path, recipe: Recipe, make_state: MakeState, first: int
) -> None:
    whole = make_state(recipe)
    run(whole, recipe, first)
    at_start = whole.state_dict()
    checkpoint.save(tmp_path / "start.pt", at_start)
    expected = run(whole, recipe, min(4, recipe.steps - first))

    other_seed = replace(recipe, run=replace(recipe.run, seed=7))
    begun = make_state(other_seed)
    begun.load_state_dict(checkpoint.load(tmp_path / "start.pt"))
    found = run(begun, recipe, 2)
    checkpoint.save(tmp_path / "middle.pt", begun.state_dict())
    resumed = make_state(replace(recipe, run=replace(recipe.run, seed=8)))
    resumed.load_state_dict(checkpoint.load(tmp_path / "middle.pt"))
    found += run(resumed, recipe, len(expected) - 2)

    assert found == expected
    one, two = tensors(whole.state_dict()), tensors(resumed.state_dict())
    assert one.keys() == two.keys() and len(one) > 60
    assert [name for name in one if not torch.equal(one[name], two[name])] == []
    assert resumed.step == whole.step


def test_the_best_score_and_the_counts_survive(
    tmp_path: Path, recipe: Recipe, make_state: MakeState
) -> None:
    state = make_state(recipe)
    state.best, state.step, state.skipped = 0.25, 7, 3
    checkpoint.save(tmp_path / "last.pt", state.state_dict())
    other = make_state(recipe)
    other.load_state_dict(checkpoint.load(tmp_path / "last.pt"))
    assert (other.best, other.step, other.skipped) == (0.25, 7, 3)


def test_a_checkpoint_without_a_best_score_is_resumed(
    recipe: Recipe, make_state: MakeState
) -> None:
    old = make_state(recipe).state_dict()
    del old["best"]
    state = make_state(recipe)
    state.load_state_dict(old)
    assert state.best == float("inf")


def test_a_crash_while_saving_leaves_the_former_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "last.pt"
    checkpoint.save(path, {"step": 1})

    def crash(state: object, file: object) -> None:
        file.write(b"half of it")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {"step": 2})
    assert checkpoint.load(path) == {"step": 1}
    assert [p.name for p in path.parent.iterdir()] == ["last.pt"]


def test_what_a_kill_left_behind_is_removed(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last.pt", {"step": 1})
    with pytest.raises(RuntimeError), atomic_output(tmp_path / "best.pt", overwrite=True):
        (unfinished,) = set(tmp_path.iterdir()) - {tmp_path / "last.pt"}
        raise RuntimeError
    (tmp_path / unfinished.name).write_bytes(b"half")
    (tmp_path / "notes.part").touch()
    checkpoint.remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"last.pt", "notes.part"}
    checkpoint.remove_leftovers(tmp_path / "no such folder")


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"step": 3, "network": {"a": torch.randn(1000)}})
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[:100], whole[: len(whole) // 2], b"x" * 200 + whole[200:]):
        path.write_bytes(damaged)
        with pytest.raises(checkpoint.BadCheckpoint, match="not a readable checkpoint") as caught:
            checkpoint.load(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_no_checkpoint_and_a_foreign_one(tmp_path: Path) -> None:
    with pytest.raises(checkpoint.BadCheckpoint, match="no such checkpoint"):
        checkpoint.load(tmp_path / "last.pt")
    torch.save({"weights": torch.zeros(2)}, tmp_path / "last.pt")
    with pytest.raises(checkpoint.BadCheckpoint, match="not a checkpoint of this trainer"):
        checkpoint.load(tmp_path / "last.pt")


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"step": 1, "path": tmp_path}, tmp_path / "last.pt")
    with pytest.raises(checkpoint.BadCheckpoint):
        checkpoint.load(tmp_path / "last.pt")


@pytest.mark.parametrize("change", ["model", "discriminators"])
def test_a_checkpoint_of_another_recipe_is_one_clear_line(
    tmp_path: Path, recipe: Recipe, make_state: MakeState, change: str
) -> None:
    others = {
        "model": replace(recipe, model=replace(recipe.model, levels=2)),
        "discriminators": replace(
            recipe, discriminators=replace(recipe.discriminators, wave_poolings=(2, 4))
        ),
    }
    donor = make_state(others[change])
    run(donor, others[change], 7)  # the judges have learnt, so they cannot be dropped
    state = donor.state_dict()
    with pytest.raises(checkpoint.BadCheckpoint, match="made with another model") as caught:
        checkpoint.restore(make_state(recipe), state, tmp_path / "last.pt")
    assert "\n" not in str(caught.value)
