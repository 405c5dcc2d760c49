"""Send sound as codes over TCP while it is made, and write it while it arrives.

    python examples/tcp_stream.py IN.WAV                   both ends here, on the loopback
    python examples/tcp_stream.py receive PORT heard.wav   one end; then, elsewhere,
    python examples/tcp_stream.py send HOST PORT IN.WAV    the other

A packet is a byte count and the codes of one push, [channels, levels, frames] as 16-bit numbers;
before the first one goes a line that says what both ends must agree on.
"""

import json
import socket
import struct
import sys
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

import audiocodec

BLOCK_S = 0.02


def send(address: tuple[str, int], path: str, codec: audiocodec.Codec) -> None:
    """Send a sound file at the pace at which a microphone would hear it."""
    wav, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    block = int(BLOCK_S * rate_hz)
    encoder = codec.stream_encoder(sample_rate_hz=rate_hz, channels=wav.shape[1])
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        weights = codec.identity.weights_sha256 if codec.identity else ""
        facts = {"rate_hz": rate_hz, "channels": wav.shape[1], "levels": encoder.levels}
        connection.sendall(json.dumps({**facts, "weights": weights}).encode() + b"\n")
        begin_s = time.monotonic()
        for at in range(0, len(wav), block):
            time.sleep(max(0.0, begin_s + (at + block) / rate_hz - time.monotonic()))
            _send_packet(connection, encoder.push(wav[at : at + block].T))
        _send_packet(connection, encoder.flush())
    print(f"sent all of it by {time.monotonic() - begin_s:.2f} s")


def _send_packet(connection: socket.socket, codes: audiocodec.Codes) -> None:
    if codes.frames:
        data = codes.indices.astype("<u2").tobytes()
        connection.sendall(struct.pack("<I", len(data)) + data)


def receive(server: socket.socket, path: str, codec: audiocodec.Codec) -> None:
    """Take one connection; write what comes, push by push."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as file:
        begin_s, first_s, samples = time.monotonic(), None, 0
        facts = json.loads(file.readline(1000))
        if codec.identity and facts["weights"] != codec.identity.weights_sha256:
            sys.exit("the sender has another model")
        rate_hz, channels, levels = facts["rate_hz"], facts["channels"], facts["levels"]
        decoder = codec.stream_decoder(sample_rate_hz=rate_hz, channels=channels)
        with soundfile.SoundFile(path, "w", rate_hz, channels) as sound:
            while len(head := file.read(4)) == 4:
                (count,) = struct.unpack("<I", head)
                indices = np.frombuffer(file.read(count), "<u2").astype(np.int32)
                wav = decoder.push(indices.reshape(channels, levels, -1))[0]
                samples += wav.shape[1]
                if samples and first_s is None:
                    first_s = time.monotonic() - begin_s
                sound.write(wav.T)
            sound.write(decoder.flush()[0].T)
    print(f"heard the first sound after {first_s or 0:.2f} s, {samples / rate_hz:.2f} s in all")


def main(words: list[str]) -> None:
    codec = audiocodec.load()
    if words[0] == "receive":
        with socket.create_server(("", int(words[1]))) as server:
            receive(server, words[2], codec)
    elif words[0] == "send":
        send((words[1], int(words[2])), words[3], codec)
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = server.getsockname()
            sender = threading.Thread(target=send, args=(address, words[0], codec))
            sender.start()
            receive(server, "heard.wav", codec)
            sender.join()
        print(f"heard.wav: {Path('heard.wav').stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
