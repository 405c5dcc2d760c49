"""Time is ascribed to the part that ends, and not to what lies between steps."""

import time

import pytest
import torch
from audiocodec.training.clock import PARTS, Clock


def test_laps_add_up_and_pauses_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    clock = Clock(torch.device("cpu"))
    for _ in range(2):
        now += 50.0
        clock.begin()
        now += 1.0
        clock.lap("data")
        now += 3.0
        clock.lap("backward")
        now += 2.0
        clock.lap("data")
    totals = clock.totals()
    assert tuple(totals) == PARTS
    assert (totals["data"], totals["backward"], totals["encoder"]) == (6.0, 6.0, 0.0)
    assert sum(clock.totals().values()) == 0
