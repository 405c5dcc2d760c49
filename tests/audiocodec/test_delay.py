"""A network whose sound comes late: the copy is on time all the same, and nothing is cut off."""

from io import BytesIO

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from audiocodec.codec import Codec
from audiocodec.codes import Codes
from audiocodec.families.network import Encoded
from audiocodec.files import decode_file, encode_file
from audiocodec.layers.state import State
from audiocodec.spec import CodecSpec

HOP = 4
SIZE = 256


class LateNetwork:
    """Hands samples through, one level for each of a frame's, `delay_samples` late."""

    def __init__(self, delay_samples: int) -> None:
        self.delay_samples = delay_samples

    @property
    def spec(self) -> CodecSpec:
        return CodecSpec(8000, 1, HOP, (SIZE,) * HOP)

    @property
    def lookahead_samples(self) -> int:
        return 0

    @property
    def blocks_at_once(self) -> int:
        return 1

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        if last and (state is not None or wav.shape[-1]):
            late = self.delay_samples
            wav = functional.pad(wav, (0, late + -(wav.shape[-1] + late) % HOP))
        frames = wav.reshape(len(wav), -1, HOP).transpose(1, 2)
        codes = (frames[:, :levels] * 128 + 128).round().long().clamp(0, SIZE - 1)
        return Encoded(codes, () if wav.shape[-1] else state)

    def decode(
        self,
        indices: Tensor,
        *,
        state: State = None,
        last: bool = False,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        wav = ((indices.float() - 128) / 128).transpose(1, 2).reshape(len(indices), 1, -1)
        past = torch.zeros(len(wav), 1, self.delay_samples) if state is None else state
        assert isinstance(past, Tensor)
        late = torch.cat([past, wav], dim=-1)
        return late[..., : wav.shape[-1]], late[..., wav.shape[-1] :]


def ramp(samples: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return ((np.arange(samples) * 37 % 255 - 127) / 128).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    delay=st.integers(0, 9),
    samples=st.integers(0, 50),
    sizes=st.lists(st.integers(0, 11), min_size=1, max_size=4).filter(any),
)
def test_every_sample_comes_back_in_its_place(delay: int, samples: int, sizes: list[int]) -> None:
    codec, wav = Codec(LateNetwork(delay)), ramp(samples)
    codes = codec.encode(wav)
    np.testing.assert_array_equal(codec.decode(codes).numpy(), wav)
    if samples:
        assert codes.frames == -(-(samples + delay) // HOP)

    pieces: list[Codes] = []
    encoder, begin = codec.stream_encoder(), 0
    while begin < samples:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(encoder.push(wav[None, begin : begin + size]))
        begin += size
    pieces.append(encoder.flush())
    indices = np.concatenate([piece.indices for piece in pieces], axis=-1)
    np.testing.assert_array_equal(indices, codes.indices)
    assert sum(piece.source.samples for piece in pieces) == samples
    assert encoder.latency_samples == HOP + delay


def test_a_stream_gives_what_is_complete_and_no_silence_before_it() -> None:
    codec, wav = Codec(LateNetwork(6)), ramp(40)
    decoder = codec.stream_decoder()
    indices = codec.encode(wav).indices
    first = decoder.push(indices[..., :2])
    np.testing.assert_array_equal(first[0, 0], wav[:2])
    rest = decoder.push(indices[..., 2:])
    np.testing.assert_array_equal(rest[0, 0, :38], wav[2:])


@pytest.mark.parametrize("samples", [1, 3, 4, 5, 1000])
def test_files_keep_length_and_place(samples: int) -> None:
    codec, wav = Codec(LateNetwork(6)), ramp(samples)
    sound, codes, back = BytesIO(), BytesIO(), BytesIO()
    soundfile.write(sound, wav, 8000, subtype="FLOAT", format="WAV")
    sound.seek(0)
    encode_file(sound, codes, codec=codec)
    codes.seek(0)
    decode_file(codes, back, codec=codec, encoding="float32", container="raw")
    np.testing.assert_array_equal(np.frombuffer(back.getvalue(), np.float32), wav)
