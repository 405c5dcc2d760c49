"""Fixtures for editing: `.codes` files of random codes, made without a network."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiocodec.bitstream import Header, Writer

HEADER = Header(
    sample_rate_hz=24000,
    hop_samples=480,
    codebook_sizes=(1024, 1024, 500),
    source_sample_rate_hz=48000,
    model_name="m",
    weights_sha256="ab" * 32,
    metadata=(("title", "x"),),
)
"""50 frames a second, 960 samples of the source each."""


@pytest.fixture
def write_codes(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of some frames and, by name, samples, levels, seed and fields of the header."""

    def write(
        name: str,
        frames: int,
        *,
        samples: int | None = None,
        levels: int = 3,
        seed: int = 0,
        live: bool = False,
        **fields: Any,
    ) -> Path:
        header = replace(HEADER, **fields)
        known = header.samples_of(frames) if samples is None else samples
        header = replace(header, source_samples=None if live else known)
        shape = (header.rows, header.levels, frames)
        codes = np.random.default_rng(seed).integers(0, 500, shape)[:, :levels]
        with open(tmp_path / name, "wb") as file:
            writer = Writer(file, header)
            writer.write(codes)
            writer.finish(known)
        return tmp_path / name

    return write


@pytest.fixture
def damage() -> Callable[[Path], Path]:
    """Flip a bit in the middle of a file."""

    def flip(path: Path) -> Path:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        return path

    return flip
