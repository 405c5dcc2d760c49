"""Read an undamaged, entropy coded .codes file with the standard library and numpy alone.

    cd examples/entropy_coding
    python read_entropy_coded.py in.codes [entropy.safetensors [out.npy]]

The tables lie beside the weights of the model that made the codes. This is section 9 of
audiocodec/bitstream/format.md, which ../read_codes_without_torch.py leaves out.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))
from read_codes_without_torch import number, read_header, runs

Tables = dict[str, np.ndarray]
PASSES = [(0, 16, 0), (8, 16, 8), (4, 8, 4), (2, 4, 2), (1, 2, 1)]


def read_tables(data: bytes) -> Tables:
    start = 8 + int.from_bytes(data[:8], "little")
    entries, tables = json.loads(data[8:start]), Tables()
    facts = entries.pop("__metadata__")
    for name, entry in entries.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        kind = f"<i{int(entry['dtype'][1:]) // 8}"
        tables[name] = np.frombuffer(data[begin:end], kind).reshape(entry["shape"]).astype(int)
    return tables | {name: np.array(int(text)) for name, text in facts.items() if text.isdigit()}


def pull(state: list[int], layer: bytes, weights: np.ndarray) -> int:
    value, width, at = state
    sums = np.concatenate([[0], weights.cumsum()])
    starts = sums * ((1 << 20) - len(weights)) // sums[-1] + np.arange(len(sums))
    step = width >> 20
    code = int(np.searchsorted(starts, min(value // step, (1 << 20) - 1), "right")) - 1
    value, width = value - step * int(starts[code]), step * int(starts[code + 1] - starts[code])
    while width <= 1 << 40:
        byte = layer[at] if at < len(layer) else 0
        value, width, at = (value << 8 | byte) % (1 << 48), width << 8, at + 1
    state[:] = value, width, at
    return code


def static_weights(t: Tables, codes: np.ndarray, k: int) -> Iterator[tuple[int, int, np.ndarray]]:
    for row, f in np.ndindex(len(codes), codes.shape[2]):
        yield row, f, t[f"counts.{k}"]


def context_weights(t: Tables, codes: np.ndarray, k: int) -> Iterator[tuple[int, int, np.ndarray]]:
    (rows, _, frames), v, w = codes.shape, t["vectors"], int(t["window"])
    sums = np.zeros((rows, frames, v.shape[2]), int)
    sums += sum(t["gains"][j] * v[j][codes[:, j]] for j in range(k))
    sums = np.clip(sums >> t["sum_shift"], -255, 255)
    around = np.pad(sums, ((0, 0), (w, w), (0, 0)))
    for n, (first, jump, g) in enumerate(PASSES):
        for row, f in ((row, f) for row in range(rows) for f in range(first, frames, jump)):
            x = [*around[row, f : f + 2 * w + 1], sums[row].sum(0) // frames]
            x += [
                v[j, codes[row, j, f]] * (j >= 0) for j in range(k - 1, k - 1 - t["previous"], -1)
            ]
            for i in (f - g, f + g):
                x.append(v[k, codes[row, k, i]] if g and i < frames else 0 * v[0, 0])
            part = {name: array[k] for name, array in t.items() if "." in name}
            h = part["first.weight"] @ np.concatenate(x) + part["first.bias"][n]
            o = part["second.weight"] @ np.clip(h >> part["first.shift"], 0, 255)
            o = np.clip(o + part["second.bias"] >> part["second.shift"], -255, 255)
            s = part["scores.weight"] @ o + part["scores.bias"] >> part["scores.shift"]
            yield row, f, t["powers"][np.minimum(s.max() - s, len(t["powers"]) - 1)]


def unpack(data: bytes, count: int, width: int) -> np.ndarray:
    bits = np.unpackbits(np.frombuffer(data, np.uint8))[: count * width].reshape(count, width)
    return bits @ (1 << np.arange(width)[::-1])


def read_chunks(data: bytes, tables: Tables) -> Iterator[np.ndarray]:
    fields, at = read_header(data, b"\1")
    rows, step = number(fields.get(5, b"\1"))[0], number(fields.get(19, b"\4"))[0]
    widths = [max(1, (size - 1).bit_length()) for size in runs(fields[4])]
    weights_of = context_weights if "vectors" in tables else static_weights
    while data[at : at + 2] not in (b"\xd5T", b""):
        length, body = number(data, at + 2)
        kind, at = data[at + 1 : at + 2], body + length + 4
        if kind != b"C":
            continue
        frames, body = number(data, number(data, body)[1])
        levels, coded, body = data[body] & 0x7F, data[body] > 0x7F, body + 1
        codes = np.zeros((rows, levels, frames), int)
        layers = [range(k, min(k + step, levels)) for k in range(0, levels, step)]
        savings, count = np.zeros(len(layers), int), rows * frames
        if coded:
            end = body + 1 + (len(layers) * data[body] + 7) // 8
            savings, body = unpack(data[body + 1 : end], len(layers), data[body]), end
        for layer, saved in zip(layers, savings, strict=True):
            size = sum((count * widths[k] + 7) // 8 for k in layer) - int(saved)
            part, body = data[body : body + size], body + size + 4
            state = [int.from_bytes(part[:6].ljust(6, b"\0"), "big"), 1 << 48, 6]
            for k in layer:
                for row, f, weights in weights_of(tables, codes, k) if saved else ():
                    codes[row, k, f] = pull(state, part, weights)
                if not saved:
                    codes[:, k] = unpack(part, count, widths[k]).reshape(rows, frames)
                    part = part[(count * widths[k] + 7) // 8 :]
        yield codes


if __name__ == "__main__":
    contents, *more = (Path(name).read_bytes() for name in sys.argv[1:3])
    wanted = read_header(contents, b"\1")[0].get(16, b"")
    if wanted and (not more or hashlib.sha256(more[0]).digest()[:8] != wanted):
        raise SystemExit(f"needs the tables {wanted.hex()}")
    found = list(read_chunks(contents, read_tables(more[0]) if more else {}))
    print(*(f"{chunk.shape[2]} frames of {chunk.shape[1]} levels" for chunk in found), sep="\n")
    if len(sys.argv) > 3:
        fewest = min((chunk.shape[1] for chunk in found), default=0)
        np.save(sys.argv[3], np.concatenate([chunk[:, :fewest] for chunk in found], axis=2))
