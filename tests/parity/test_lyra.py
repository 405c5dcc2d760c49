"""Lyra against TFLite itself (`pip install ai-edge-litert`), bit by bit where it is int8.

AUDIOCODEC_LYRA_DIR: the folder lyra/model_coeffs of google/lyra, for the tests on its weights.
"""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from audiocodec.codec import Codec
from audiocodec.families.weights.lyra_tflite import FILES, build_lyra, read_lyra

pytestmark = pytest.mark.parity
litert = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")
FOLDER = os.environ.get("AUDIOCODEC_LYRA_DIR")
needs_weights = pytest.mark.skipif(not FOLDER, reason="AUDIOCODEC_LYRA_DIR is not set")
CLIP = Path(__file__).parents[2] / "examples" / "audio" / "demo.wav"


def run(file: bytes, frames: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the outputs for frames one after the other, [frames, ...], from a fresh state.

    A new interpreter, because `reset_all_variables` leaves some of XNNPACK's states as they were.
    """
    interpreter = litert.Interpreter(model_content=file, num_threads=1)
    interpreter.allocate_tensors()
    (inside,), (outside,) = interpreter.get_input_details(), interpreter.get_output_details()
    outputs = []
    for frame in frames:
        interpreter.set_tensor(inside["index"], np.ascontiguousarray(frame))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(outside["index"]).copy())
    return np.stack(outputs)


def snr_db(wanted: NDArray[Any], found: NDArray[Any]) -> float:
    noise = np.square(wanted - found).sum(dtype=np.float64)
    return float(10 * np.log10(np.square(wanted).sum(dtype=np.float64) / max(noise, 1e-30)))


def test_a_tiny_network_is_the_same_in_tflite(lyra_files: ModuleType) -> None:
    encoder, quantizer, decoder = lyra_files.tiny_files(lyra_files.tiny_lyra())
    network = build_lyra(read_lyra(encoder, quantizer, decoder))
    generator = torch.Generator().manual_seed(0)
    wav = torch.randn(1, 1, 640, generator=generator)
    latents = 3 * torch.randn(1, 8, 40, generator=generator)
    with torch.inference_mode():
        found, (sound, _) = network.encoder(wav)[0], network.decoder(latents)
    wanted = run(encoder, list(wav.numpy()[0].reshape(40, 1, 16)))[:, 0, 0].T
    assert np.array_equal(found[0].numpy(), wanted)
    expected = run(decoder, list(latents.numpy()[0].T[:, None, None])).reshape(-1)
    assert snr_db(expected, sound[0, 0].numpy()) > 100


@pytest.fixture(scope="module")
def originals() -> list[bytes]:
    return [(Path(str(FOLDER)) / name).read_bytes() for name in FILES]


@pytest.fixture(scope="module")
def codec(originals: list[bytes]) -> Codec:
    return Codec(build_lyra(read_lyra(*originals)))


@pytest.fixture(scope="module")
def wav() -> NDArray[np.float32]:
    """Return speech at 16 kHz in whole frames."""
    sound, rate = soundfile.read(CLIP, dtype="float32", always_2d=True)
    sound = soxr.resample(sound[:, 0], rate, 16_000)[: 4 * 16_000]
    return np.asarray(sound[: len(sound) // 320 * 320], np.float32)


@pytest.fixture(scope="module")
def wanted(originals: list[bytes], wav: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return TFLite's codes [46, F]."""
    latents = run(originals[0], list(wav.reshape(-1, 1, 320)))
    quantizer = litert.Interpreter(model_content=originals[1], num_threads=1)
    encode = quantizer.get_signature_runner("encode")
    frames = []
    for latent in latents[:, 0]:
        found = encode(input_frames=latent[None], num_quantizers=np.int32(46))
        frames += [v[:, 0, 0] for v in found.values() if v.shape == (46, 1, 1)]
    return np.stack(frames, axis=1)


@needs_weights
@pytest.mark.parametrize("levels", [16, 30, 46])
def test_codes_are_tflites(
    levels: int, codec: Codec, wav: NDArray[np.float32], wanted: NDArray[np.int32]
) -> None:
    found = codec.encode(wav, levels=levels).indices[0]
    assert (found == wanted[:levels]).mean() >= 0.995


@needs_weights
@pytest.mark.parametrize("levels", [16, 30, 46])
def test_sound_of_the_same_codes_is_tflites(
    levels: int, codec: Codec, originals: list[bytes], wanted: NDArray[np.int32]
) -> None:
    quantizer = litert.Interpreter(model_content=originals[1], num_threads=1)
    decode = quantizer.get_signature_runner("decode")
    latents = []
    for frame in wanted.T:
        indices = np.full((46, 1, 1), -1, np.int32)
        indices[:levels, 0, 0] = frame[:levels]
        (latent,) = decode(encoding_indices=indices).values()
        latents.append(latent.reshape(1, 1, 64))
    expected = run(originals[2], latents).reshape(-1)
    found = codec.stream_decoder().push(wanted[None, :levels])[0, 0]
    assert snr_db(expected, found) >= 40


@needs_weights
def test_streams_give_the_offline_bits(codec: Codec, wav: NDArray[np.float32]) -> None:
    whole = codec.encode(wav)
    encoder, decoder = codec.stream_encoder(), codec.stream_decoder()
    pieces = [encoder.push(part[None]).indices for part in np.array_split(wav, 97)]
    indices = np.concatenate([*pieces, encoder.flush().indices], axis=-1)
    assert np.array_equal(indices, whole.indices)
    parts = [decoder.push(indices[..., i : i + 1]) for i in range(indices.shape[-1])]
    sound = np.concatenate([*parts, decoder.flush()], axis=-1)[0, 0]
    assert np.array_equal(sound, codec.decode(whole).numpy())
