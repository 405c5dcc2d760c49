"""The model that a command works with."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .console import Console, on_terminal
from .options import BackendName, DtypeName

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
    backend: BackendName = BackendName.TORCH
    dtype: DtypeName = DtypeName.FLOAT32
    compile: bool = False

    def load(self, console: Console) -> "Codec":
        """Load the model; the import of torch is most of the wait."""
        prepare_bars(console)
        with console.status("loading the model ..."), _no_garbage():
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
                dtype=self.dtype.value,
                compile=self.compile,
                backend=self.backend.value,
            )

    def fetch(self, console: Console) -> "Place":
        """Fetch the model without loading it, and check what is in the cache already."""
        prepare_bars(console)
        from audiocodec.load import locate

        return locate(
            self.model,
            revision=self.revision,
            cache_dir=self.cache_dir,
            local_files_only=self.local_files_only,
            allow_pickle=self.allow_pickle,
            verify=not self.local_files_only,
        )


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Look for no garbage meanwhile, and later in nothing that was made meanwhile.

    That is a quarter of the time in which torch is imported and, at the end, taken down.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def prepare_bars(console: Console) -> None:
    """Show the Hub client's bars on a terminal only, and not when quiet."""
    if console.quiet or not on_terminal():
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        if "huggingface_hub" in sys.modules:  # which has read the variable by then
            from huggingface_hub.utils.tqdm import disable_progress_bars

            disable_progress_bars()
