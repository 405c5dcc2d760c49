"""Encode a sound file, decode it again and say how many bits that took: roundtrip.py IN.WAV."""

import sys

import soundfile

import audiocodec


def main(path: str) -> None:
    """Write back.wav to the current folder and print the bit rate."""
    wav, sample_rate_hz = soundfile.read(path, dtype="float32")
    codec = audiocodec.load()
    codes = codec.encode(wav.T, sample_rate_hz)
    back = codec.decode(codes)
    soundfile.write("back.wav", back.numpy().T, sample_rate_hz)
    print(f"{codes.duration_s:.1f} s in {codes.levels} levels at {codes.bitrate_bps / 1000:g} kbps")


if __name__ == "__main__":
    main(sys.argv[1])
