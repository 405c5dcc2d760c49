"""The microphone's example on a sound card that is none."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from audiocodec.codec import Codec

EXAMPLE = Path(__file__).parents[2] / "examples" / "microphone_to_speaker.py"
HOP, FRAMES = 16, 20


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = spec_from_file_location("microphone_to_speaker", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Stream:
    """What sounddevice.Stream does, as far as the example needs it; the user soon hits Ctrl-C."""

    def __init__(self, rate_hz: int, block: int, *, channels: int, dtype: str) -> None:
        assert (rate_hz, block, channels, dtype) == (8000, HOP, 1, "float32")
        rng = np.random.default_rng(0)
        self.heard = (rng.standard_normal((FRAMES * HOP, 1)) * 0.3).astype(np.float32)
        self.place, self.running = 0, False
        self.played: list[NDArray[np.float32]] = []

    def start(self) -> None:
        self.running = True

    def read(self, samples: int) -> tuple[NDArray[np.float32], bool]:
        if self.place >= len(self.heard):
            raise KeyboardInterrupt
        self.place += samples
        return self.heard[self.place - samples : self.place], False

    def write(self, wav: NDArray[np.float32]) -> None:
        assert self.running and wav.flags.c_contiguous and wav.shape[1] == 1
        self.played.append(wav.copy())


def test_what_is_heard_is_played(
    example: ModuleType, tiny_codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(Stream=Stream))
    card = example.SoundCard(8000, HOP)
    with pytest.raises(KeyboardInterrupt):
        example.loop(tiny_codec, card)
    silence, *played = card.stream.played
    assert not silence.any() and len(silence) == 2 * HOP
    assert len(played) == FRAMES, "every frame is played before the next one is heard"
    wanted = tiny_codec.decode(tiny_codec.encode(card.stream.heard[:, 0])).numpy()
    np.testing.assert_array_equal(np.concatenate(played)[:, 0], wanted)


def test_a_missing_library_is_named(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SystemExit, match="pip install sounddevice"):
        example.SoundCard(8000, HOP)
