"""Code sound as it arrives, in blocks of 20 ms, and play it as the codes arrive: IN.WAV."""

import sys

import numpy as np
import soundfile

import audiocodec

BLOCK_S = 0.02


def main(path: str) -> None:
    """Write streamed.wav, and check it against coding the whole file at once."""
    wav, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    wav = wav.T  # [C, T]
    codec = audiocodec.load()
    block = int(BLOCK_S * rate_hz)
    decoder = codec.stream_decoder(sample_rate_hz=rate_hz, channels=len(wav))
    heard = []
    with codec.stream_encoder(sample_rate_hz=rate_hz, channels=len(wav)) as encoder:
        for begin in range(0, wav.shape[1], block):
            codes = encoder.push(wav[:, begin : begin + block])
            heard.append(decoder.push(codes.indices))
        heard.append(decoder.push(encoder.flush().indices))
    heard.append(decoder.flush(wav.shape[1]))
    streamed = np.concatenate(heard, axis=-1)[0, :, : wav.shape[1]]
    soundfile.write("streamed.wav", streamed.T, rate_hz)

    at_once = codec.decode(codec.encode(wav, rate_hz)).numpy()
    same = "the same samples" if np.array_equal(streamed, at_once) else "not the same samples"
    print(f"{len(heard)} pushes of {BLOCK_S * 1000:g} ms: {same} as coding the file at once")


if __name__ == "__main__":
    main(sys.argv[1])
