"""The model that a command works with."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .console import Console

if TYPE_CHECKING:
    from audiocodec.codec import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which model, from where, on what; the fields are the options of the same names."""

    model: str | None
    revision: str | None
    cache_dir: Path | None
    local_files_only: bool
    allow_pickle: bool = False
    device: str = "cpu"
    threads: int | None = None

    def load(self, console: Console) -> "Codec":
        """Load the model; the import of torch is most of the wait."""
        if console.quiet:
            os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        with console.status("loading the model ..."):
            import torch

            from audiocodec.load import load

            if self.threads is not None:
                torch.set_num_threads(self.threads)
            return load(
                self.model,
                device=self.device,
                revision=self.revision,
                cache_dir=self.cache_dir,
                local_files_only=self.local_files_only,
                allow_pickle=self.allow_pickle,
            )
