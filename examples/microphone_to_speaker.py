"""Hear yourself through the codec: microphone, codes, speaker, frame by frame.

    python examples/microphone_to_speaker.py          needs `pip install sounddevice`; Ctrl-C ends
    python examples/microphone_to_speaker.py IN.WAV   a file instead; writes heard.wav

Wear headphones, or the microphone hears the speaker.
"""

import sys
import time
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

import audiocodec

# ruff: noqa: D102 - methods are those of `Device`
Wav = NDArray[np.float32]


class Device(Protocol):
    """What hears and what sounds, a block [1, T] at a time."""

    def read(self, samples: int) -> Wav | None: ...
    def write(self, wav: Wav) -> None: ...


class Files:
    """A microphone that is a sound file, and a speaker that is another."""

    def __init__(self, source: str, target: str, rate_hz: int) -> None:
        wav, found_hz = soundfile.read(source, dtype="float32", always_2d=True)
        if found_hz != rate_hz:
            sys.exit(f"{source} is at {found_hz} Hz; {rate_hz} Hz expected")
        self.wav, self.place = wav.T[:1], 0
        self.speaker = soundfile.SoundFile(target, "w", rate_hz, 1)

    def read(self, samples: int) -> Wav | None:
        block = self.wav[:, self.place : self.place + samples]
        self.place += samples
        return block if block.size else None

    def write(self, wav: Wav) -> None:
        self.speaker.write(wav.T)


class SoundCard:
    """The default microphone and speaker."""

    def __init__(self, rate_hz: int, block: int) -> None:
        try:
            import sounddevice
        except (ImportError, OSError) as error:  # OSError: the PortAudio library is missing
            sys.exit(f"no sound card can be used ({error}): pip install sounddevice, or give a WAV")
        self.stream = sounddevice.Stream(rate_hz, block, channels=1, dtype="float32")
        self.stream.start()
        self.stream.write(np.zeros((2 * block, 1), np.float32))  # what covers the first wait

    def read(self, samples: int) -> Wav | None:
        return np.ascontiguousarray(self.stream.read(samples)[0].T)

    def write(self, wav: Wav) -> None:
        self.stream.write(np.ascontiguousarray(wav.T))


def loop(codec: audiocodec.Codec, device: Device) -> list[float]:
    """Pass on what is heard until it ends; return the seconds that each frame took."""
    decoder = codec.stream_decoder()
    took_s = []
    with codec.stream_encoder() as encoder:
        while (heard := device.read(codec.spec.hop_samples)) is not None:
            begin_s = time.perf_counter()
            codes = encoder.push(heard)
            sound = decoder.push(codes.indices, codes.scale)[0]
            took_s.append(time.perf_counter() - begin_s)
            device.write(sound)
        codes = encoder.flush()
    device.write(decoder.push(codes.indices, codes.scale)[0])
    device.write(decoder.flush(encoder.pushed_samples)[0])
    return took_s


def main(path: str | None) -> None:
    codec = audiocodec.load()
    rate_hz, hop = codec.spec.sample_rate_hz, codec.spec.hop_samples
    device = Files(path, "heard.wav", rate_hz) if path else SoundCard(rate_hz, hop)
    late_s = codec.stream_encoder().latency_samples / rate_hz
    print(f"{codec.spec.bitrate_bps() / 1000:g} kbps, {late_s * 1000:g} ms late by itself")
    try:
        took_s = loop(codec, device)
    except KeyboardInterrupt:
        return
    print(f"{len(took_s)} frames, {np.median(took_s) * 1000:.1f} ms of work for each")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
