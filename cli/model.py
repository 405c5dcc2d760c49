"""The model that a command works with."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .console import Console

if TYPE_CHECKING:
    from audiocodec.codec import Codec
    from audiocodec.load import Place


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
        _prepare_bars(console)
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

    def fetch(self, console: Console) -> "Place":
        """Fetch the model without loading it, and check what is in the cache already."""
        _prepare_bars(console)
        from audiocodec.load import locate

        return locate(
            self.model,
            revision=self.revision,
            cache_dir=self.cache_dir,
            local_files_only=self.local_files_only,
            allow_pickle=self.allow_pickle,
            verify=not self.local_files_only,
        )


def _prepare_bars(console: Console) -> None:
    """Hide the Hub client's bars when quiet; by itself it shows them on a terminal only."""
    if console.quiet:
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
