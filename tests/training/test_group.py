"""Two processes are one process with the whole batch; pieces of a batch are the batch."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from audiocodec.training import group as group_module
from audiocodec.training.config import Recipe
from audiocodec.training.data.crops import Crops
from audiocodec.training.group import ALONE, Group, local_rank
from audiocodec.training.state import TrainState, new_state
from audiocodec.training.step import train_step
from audiocodec.training.tables import build

MakeState = Callable[[Recipe], TrainState]
CPU = torch.device("cpu")

WORKER = """
import sys
import torch
from audiocodec.training.group import joined

sys.path.insert(0, sys.argv[1])
from conftest import corpus_of, tiny_table
from audiocodec.training.config import Recipe
from audiocodec.training.data.crops import Crops
from audiocodec.training.state import new_state
from audiocodec.training.step import train_step
from audiocodec.training.tables import build

torch.set_num_threads(1)
table = tiny_table()
table["data"]["batch_size"] = 6
table["optim"] |= {"balance": True, "weight_ema": 0.9}
recipe = build(Recipe, table, where="recipe")
noise = torch.randn(2, 4000, generator=torch.Generator().manual_seed(5))
cpu = torch.device("cpu")
with joined(cpu) as group:
    assert group.size == 2
    crops = Crops(corpus_of(list(0.2 * noise)), recipe.data, segment_samples=512, seed=2)
    state = new_state(recipe, crops, cpu, group)
    losses = []
    for _ in range(recipe.steps):
        wav = state.crops.draw(cpu, group.rows(6))
        losses.append({k: float(v) for k, v in train_step(state, wav, recipe).losses.items()})
    assert group.any(group.rank == 1, cpu) and not group.any(False, cpu)
    assert group.gather(torch.full((1,), float(group.rank))).tolist() == [0.0, 1.0]
    torch.save({"state": state.state_dict(), "losses": losses}, f"{sys.argv[2]}/{group.rank}.pt")
"""


def in_two_processes(folder: Path) -> list[dict[str, Any]]:
    """Run the worker as torchrun would, and return what each process saved."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    here = Path(__file__).parent
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"WORLD_SIZE": "2", "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER, str(here), str(folder)],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def test_two_processes_train_one_network_as_one_would(
    tmp_path: Path, table: dict[str, Any], make_corpus: Callable[..., Any]
) -> None:
    table["data"]["batch_size"] = 6
    table["optim"] |= {"balance": True, "weight_ema": 0.9}
    recipe = build(Recipe, table, where="recipe")
    noise = torch.randn(2, 4000, generator=torch.Generator().manual_seed(5))
    crops = Crops(make_corpus(list(0.2 * noise)), recipe.data, segment_samples=512, seed=2)
    alone = new_state(recipe, crops, CPU)
    losses = [train_step(alone, crops.draw(CPU), recipe).losses for _ in range(recipe.steps)]
    one, two = in_two_processes(tmp_path)
    for name in ("network", "judges"):
        found, other = one["state"][name], two["state"][name]
        expected = alone.state_dict()[name]
        assert all(torch.equal(found[key], other[key]) for key in found), "on both ranks"
        for key in expected:
            assert torch.allclose(found[key], expected[key], atol=1e-3), key
    assert torch.allclose(one["state"]["quantizer"]["uses"], alone.quantizer.uses, atol=1e-3)
    for found, wanted in zip(one["losses"], losses, strict=True):
        assert found == pytest.approx({k: float(v) for k, v in wanted.items()}, rel=1e-3)
    assert one["losses"] == two["losses"]


@pytest.mark.parametrize("pieces", [2, 3])
def test_a_batch_in_pieces_gives_the_same_step(
    recipe: Recipe, make_state: MakeState, pieces: int
) -> None:
    recipe = replace(recipe, data=replace(recipe.data, batch_size=6))
    recipe = replace(recipe, quantizer=replace(recipe.quantizer, revive_below=8.0))
    whole = make_state(recipe)
    for _ in range(5):
        train_step(whole, whole.crops.draw(CPU), recipe)
    cut = replace(recipe, optim=replace(recipe.optim, accumulate=pieces))
    parts = make_state(cut)
    parts.load_state_dict(deepcopy(whole.state_dict()))  # or moments would be shared
    for _ in range(3):
        one = train_step(whole, whole.crops.draw(CPU), recipe)
        two = train_step(parts, parts.crops.draw(CPU), cut)
        assert two.fake.shape == one.fake.shape
        for name, loss in one.losses.items():
            assert float(two.losses[name]) == pytest.approx(float(loss), rel=1e-3), name
    a, b = whole.state_dict(), parts.state_dict()
    for name in ("network", "judges"):
        for key, tensor in a[name].items():
            assert torch.allclose(b[name][key], tensor, atol=1e-3), key
    assert torch.allclose(a["quantizer"]["uses"], b["quantizer"]["uses"], atol=1e-3)


def test_a_process_has_its_share_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Group(1, 4).rows(12) == slice(3, 6) and not Group(1, 4).first
    assert ALONE.rows(5) == slice(0, 5) and ALONE.first
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert local_rank() == 3


def test_alone_nothing_is_communicated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "dist", None)
    x = torch.ones(3)
    ALONE.add(x)
    ALONE.mean(x)
    ALONE.wait()
    assert ALONE.gather(x) is x and ALONE.any(True, CPU) and not ALONE.any(False, CPU)
    with group_module.joined(CPU) as group:
        assert group is ALONE
