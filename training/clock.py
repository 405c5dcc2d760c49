"""Where the time of a step goes."""

import time

import torch

PARTS = (
    "data",
    "encoder",
    "quantizer",
    "decoder",
    "losses",
    "backward",
    "optimizer",
    "discriminator",
)
"""Of a step, in their order; `discriminator` is grading, learning and their gradients' way back
through the discriminators' own parameters."""


class Clock:
    """Adds up the time between laps, each lap called after the part that it ends.

    On CUDA by events in the stream, which are only read with the totals: nothing waits for them.
    """

    def __init__(self, device: torch.device) -> None:
        self.on_gpu = device.type == "cuda"
        self.seconds: dict[str, float] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a step, or begin again after a pause."""
        self._marks: list[tuple[str, torch.cuda.Event]] = getattr(self, "_marks", [])
        self._last = time.perf_counter()
        if self.on_gpu:
            self._mark("")

    def lap(self, part: str) -> None:
        """Ascribe the time since the last lap to a part."""
        if self.on_gpu:
            self._mark(part)
            return
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now

    def _mark(self, part: str) -> None:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        self._marks.append((part, event))

    def totals(self) -> dict[str, float]:
        """Return the seconds of every part since the last call."""
        if self._marks:
            torch.cuda.synchronize()
            for (_, before), (part, after) in zip(self._marks, self._marks[1:], strict=False):
                if part:
                    seconds = before.elapsed_time(after) / 1000
                    self.seconds[part] = self.seconds.get(part, 0.0) + seconds
        totals = {part: self.seconds.get(part, 0.0) for part in PARTS}
        self.seconds, self._marks = {}, []
        return totals
