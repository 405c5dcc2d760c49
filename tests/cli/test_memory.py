"""Long files take no more memory than short ones, both ways, for families that look ahead."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audiocodec.audio.riff import build_wav_header

RATE = 48_000
PROGRAM = """
import sys
from audiocodec.cli.app import app
model, *names = sys.argv[1:]
for name in names:
    common = ["--model", model, "--device", "cpu", "--threads", "1", "-q"]
    app(["encode", name + ".wav", name + ".codes", *common], standalone_mode=False)
    app(["decode", name + ".codes", name + ".back.wav", *common], standalone_mode=False)
    with open("/proc/self/status") as file:
        print(next(line for line in file if line.startswith("VmHWM:")).split()[1])
"""
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "32768", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Lets glibc return what is freed at once, so that what it keeps for later does not count."""
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc"
)


@dataclass(frozen=True)
class Model:
    """A folder with random weights, light at a high rate, for so many channels."""

    folder: Path
    channels: int


@pytest.fixture(scope="module", params=["encodec", "dac", "snac"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    make: dict[str, Callable[[Path], int]] = {"encodec": encodec, "dac": dac, "snac": snac}
    folder = tmp_path_factory.mktemp(request.param)
    return Model(folder, make[request.param](folder))


def encodec(folder: Path) -> int:
    """Save what EnCodec for 48 kHz is: segments of a second, stereo, normalised over time."""
    from audiocodec.families.encodec import Encodec, EncodecConfig

    config = EncodecConfig(
        sample_rate_hz=RATE,
        channels=2,
        causal=False,
        norm="time_group",
        normalize=True,
        filters=2,
        strides=(8, 8, 8),
        latent_dim=8,
        levels=2,
        codebook_size=16,
        segment_samples=RATE,
        segment_stride=RATE * 99 // 100,
    )
    return save(Encodec(config), folder)


def dac(folder: Path) -> int:
    from audiocodec.families.dac import Dac, DacConfig

    return save(Dac(DacConfig(**SMALL)), folder)


def snac(folder: Path) -> int:
    from audiocodec.families.snac import Snac, SnacConfig

    return save(Snac(SnacConfig(**SMALL, level_strides=(2, 1), attention_window=0)), folder)


SMALL: dict[str, Any] = {
    "sample_rate_hz": RATE,
    "encoder_channels": 2,
    "encoder_strides": (8, 8, 8),
    "decoder_channels": 16,
    "decoder_strides": (8, 8, 8),
    "codebook_size": 16,
    "codebook_dim": 4,
}


def save(network: object, folder: Path) -> int:
    """Save a network with random weights; return its channels."""
    import torch

    from audiocodec.codec import Codec
    from audiocodec.families.network import CodecNetwork

    assert isinstance(network, CodecNetwork)
    generator = torch.Generator().manual_seed(0)
    for tensor in network.state_dict().values():
        inputs = tensor[0].numel() if tensor.ndim > 1 else 100
        tensor.copy_(torch.randn(tensor.shape, generator=generator) / inputs**0.5)
    Codec(network.eval().requires_grad_(False)).save(folder)
    return network.spec.channels


def growth(model: Model, folder: Path, *, short_s: int, long_s: int) -> int:
    """Return the bytes by which the peak for `short_s`, twice, grows when `long_s` come after."""
    lengths = {"first": short_s, "short": short_s, "long": long_s}
    for name, seconds in lengths.items():
        size = seconds * RATE * model.channels * 2
        head = build_wav_header(
            sample_rate_hz=RATE, channels=model.channels, encoding="s16le", data_bytes=size
        )
        with open(folder / f"{name}.wav", "wb") as file:
            file.write(head)
            file.truncate(len(head) + size)  # silence, which takes no place on the disk
    names = [str(folder / name) for name in lengths]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(model.folder), *names],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **GIVE_BACK},
    )
    _, short, long = (int(line) for line in done.stdout.split())
    back = folder / "long.back.wav"
    assert back.stat().st_size >= long_s * RATE * model.channels * 2
    return (long - short) * 1024


def test_forty_seconds_take_what_ten_take(model: Model, tmp_path: Path) -> None:
    # The 30 s more are 5.8 MB a channel as float32.
    assert growth(model, tmp_path, short_s=10, long_s=40) < 5 << 19


@pytest.mark.slow
def test_minutes_take_what_seconds_take(model: Model, tmp_path: Path) -> None:
    # The 110 s more are 21 MB a channel as float32.
    assert growth(model, tmp_path, short_s=10, long_s=120) < 6 << 20
