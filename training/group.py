"""Processes that train one network together, as torchrun starts them.

Every process draws the same random numbers for the whole batch and computes its own rows of it, so
a run does not depend on how many there are, but for rounding. Gradients are averaged by hand and
not by DistributedDataParallel: generator and discriminators take turns over one graph with a
quantizer in the middle, which its hooks do not see through, and 8 million parameters are on
their way in a fraction of a millisecond where it would pay to overlap them.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, nn
from torch import distributed as dist

PATIENCE = timedelta(hours=2)
"""How long a process waits for the others: the first one validates and saves meanwhile."""


@dataclass(frozen=True, slots=True)
class Group:
    """This process's place among those that train together; by default it is alone."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Tell whether this is the process that speaks, measures and writes."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """Return this process's share of a batch, which the size must divide."""
        share = batch // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def add(self, *tensors: Tensor) -> None:
        """Put into every process's tensors the sum over all processes, in place."""
        if self.size > 1 and tensors:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            begin = 0
            for tensor in tensors:
                tensor.copy_(flat[begin : begin + tensor.numel()].view_as(tensor))
                begin += tensor.numel()

    def mean(self, *tensors: Tensor) -> None:
        """Put into every process's tensors the mean over all processes, in place."""
        if self.size > 1:
            self.add(*tensors)
            for tensor in tensors:
                tensor.div_(self.size)

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows [n, ...] of all processes one after the other; all have as many."""
        if self.size == 1:
            return rows
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    def any(self, here: bool, device: torch.device) -> bool:
        """Tell whether something holds in any process."""
        if self.size == 1:
            return here
        flag = torch.tensor([float(here)], device=device)
        dist.all_reduce(flag)
        return bool(flag > 0)

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.size > 1:
            dist.barrier()

    @torch.no_grad()
    def unite(self, modules: Iterable[nn.Module]) -> None:
        """Give every process the first one's parameters and buffers."""
        if self.size > 1:
            for module in modules:
                for tensor in module.state_dict().values():
                    dist.broadcast(tensor, 0)

    def mean_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average the gradients over all processes."""
        self.mean(*(p.grad for p in parameters if p.grad is not None))


ALONE = Group()


def local_rank() -> int:
    """Return this process's number on its machine, 0 where torchrun has not started it."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def is_first() -> bool:
    """Tell, before the processes have joined, whether this is the one that speaks."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """Join the processes that torchrun has started, by NCCL on GPUs and Gloo elsewhere."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
