"""Lyra v2 beside TFLite on the same files: equal codes, equal sound, and speed, as Markdown.

pip install ai-edge-litert
python benchmarks/lyra.py lyra/model_coeffs SPEECH.flac ... > table.md

The folder is google/lyra's. Both sides run on one thread, one after the other in every repeat;
times are CPU time, because the machine may have other work. "Float" is `--float`'s conversion.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from audiocodec.codec import Codec
from audiocodec.families.weights.lyra_tflite import FILES, build_float, build_lyra, read_lyra

HOP, RATE_HZ = 320, 16_000
LEVELS = (16, 30, 46)
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


class Original:
    """The three graphs in TFLite, called once a frame as they are meant to be."""

    def __init__(self, contents: list[bytes]) -> None:
        self.contents = contents
        self.restart()

    def restart(self) -> None:
        """Begin from silence; `reset_all_variables` leaves some of XNNPACK's states behind."""
        self.graphs = [Interpreter(model_content=file, num_threads=1) for file in self.contents]
        for graph in self.graphs:
            graph.allocate_tensors()
        self.search = self.graphs[1].get_signature_runner("encode")
        self.look_up = self.graphs[1].get_signature_runner("decode")

    def encode(self, wav: FloatArray, levels: int) -> IntArray:
        """Return codes [levels, F]."""
        frames = []
        for begin in range(0, len(wav), HOP):
            latent = _run(self.graphs[0], wav[None, begin : begin + HOP])
            found = self.search(input_frames=latent, num_quantizers=np.int32(levels))
            frames += [v[:levels, 0, 0] for v in found.values() if v.shape[1:] == (1, 1)]
        return np.stack(frames, axis=1)

    def decode(self, codes: IntArray) -> FloatArray:
        """Return the sound of codes [K, F]."""
        frames = []
        for frame in codes.T:
            indices = np.full((46, 1, 1), -1, np.int32)
            indices[: len(frame), 0, 0] = frame
            (latent,) = self.look_up(encoding_indices=indices).values()
            frames.append(_run(self.graphs[2], latent.reshape(1, 1, -1))[0])
        return np.concatenate(frames)


def _run(graph: Any, value: FloatArray) -> FloatArray:
    graph.set_tensor(graph.get_input_details()[0]["index"], value)
    graph.invoke()
    output: FloatArray = graph.get_tensor(graph.get_output_details()[0]["index"])
    return output


def encode_offline(codec: Codec, wav: FloatArray) -> IntArray:
    """Return the codes of a whole sound."""
    codes: IntArray = codec.encode(wav).indices[0]
    return codes


def encode_frames(codec: Codec, wav: FloatArray) -> None:
    """Push one frame after the other, as a live call does."""
    stream = codec.stream_encoder()
    for begin in range(0, len(wav), HOP):
        stream.push(wav[None, begin : begin + HOP])


def decode_offline(codec: Codec, codes: IntArray) -> FloatArray:
    """Return the sound of codes [K, F]."""
    sound: FloatArray = codec.stream_decoder().push(codes[None])[0, 0]
    return sound


def decode_frames(codec: Codec, codes: IntArray) -> None:
    """Push one frame after the other, as a live call does."""
    stream = codec.stream_decoder()
    for frame in range(codes.shape[1]):
        stream.push(codes[None, :, frame : frame + 1])


@dataclass(frozen=True, slots=True)
class Parity:
    """Of one arithmetic at one number of levels: shares of equal codes and SNR, for each clip."""

    equal: list[float]
    snr_db: list[float]

    def row(self, name: str, levels: int) -> str:
        """Return a row of the table."""
        return (
            f"| {name} | {levels} | {100 * statistics.mean(self.equal):.3f} % | "
            f"{100 * min(self.equal):.3f} % | {min(self.snr_db):.1f} dB | "
            f"{statistics.median(self.snr_db):.1f} dB |"
        )


def compare(codecs: dict[str, Codec], original: Original, clips: list[FloatArray]) -> list[str]:
    """Return the table of parity; levels nest, so each clip is encoded once."""
    found = {(name, levels): Parity([], []) for name in codecs for levels in LEVELS}
    for wav in clips:
        original.restart()
        wanted = original.encode(wav, max(LEVELS))
        sounds = {}
        for levels in LEVELS:
            original.restart()
            sounds[levels] = original.decode(wanted[:levels])
        for name, codec in codecs.items():
            codes = encode_offline(codec, wav)
            for levels in LEVELS:
                parity = found[name, levels]
                parity.equal.append(float((codes[:levels] == wanted[:levels]).mean()))
                sound = decode_offline(codec, wanted[:levels])
                parity.snr_db.append(_snr_db(sounds[levels], sound))
    return [
        "| arithmetic | levels | equal codes | worst clip | worst SNR | median SNR |",
        "|---|---|---|---|---|---|",
        *(parity.row(name, levels) for (name, levels), parity in found.items()),
    ]


def _snr_db(wanted: FloatArray, found: FloatArray) -> float:
    noise = np.square(wanted - found).sum(dtype=np.float64)
    return float(10 * np.log10(np.square(wanted).sum(dtype=np.float64) / max(noise, 1e-30)))


def race(codecs: dict[str, Codec], original: Original, wav: FloatArray, repeats: int) -> list[str]:
    """Return the table of speed, at all levels."""
    codes = original.encode(wav, max(LEVELS))
    works: dict[tuple[str, str], Callable[[], object]] = {
        ("encode", "TFLite"): lambda: original.encode(wav, max(LEVELS)),
        ("decode", "TFLite"): lambda: original.decode(codes),
    }
    for name, codec in codecs.items():
        works |= {
            ("encode", f"{name}, offline"): partial(encode_offline, codec, wav),
            ("encode", f"{name}, frame by frame"): partial(encode_frames, codec, wav),
            ("decode", f"{name}, offline"): partial(decode_offline, codec, codes),
            ("decode", f"{name}, frame by frame"): partial(decode_frames, codec, codes),
        }
    times: dict[tuple[str, str], list[float]] = {key: [] for key in works}
    for repeat in range(repeats + 1):
        for key, work in works.items():
            begin = time.process_time()
            work()
            if repeat:  # the first is for warming up
                times[key].append((time.process_time() - begin) / (len(wav) / RATE_HZ))
    rows = ["| | ms a second of sound | times TFLite's |", "|---|---|---|"]
    for (verb, name), taken in times.items():
        pairs = zip(taken, times[verb, "TFLite"], strict=True)
        ratio = statistics.median(own / theirs for own, theirs in pairs)
        rows.append(f"| {verb}, {name} | {1000 * statistics.median(taken):.1f} | {ratio:.2f} |")
    return rows


def read_speech(path: Path, most_s: float) -> FloatArray:
    """Return whole frames of a sound at 16 kHz, its first channel."""
    sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    wav = soxr.resample(sound[:, 0], rate_hz, RATE_HZ)[: round(most_s * RATE_HZ)]
    return np.asarray(wav[: len(wav) // HOP * HOP], np.float32)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--most-s", type=float, default=10.0, help="seconds of every clip")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    contents = [(args.folder / name).read_bytes() for name in FILES]
    files = read_lyra(*contents)
    codecs = {"int8": Codec(build_lyra(files)), "float": Codec(build_float(files))}
    original = Original(contents)
    clips = [read_speech(path, args.most_s) for path in args.clips]
    seconds = sum(map(len, clips)) / RATE_HZ
    print(f"{len(clips)} clips, {seconds:.0f} s; torch {torch.__version__}.\n")
    print(*compare(codecs, original, clips), "", sep="\n")
    print(*race(codecs, original, clips[0], args.repeats), sep="\n")


if __name__ == "__main__":
    main()
