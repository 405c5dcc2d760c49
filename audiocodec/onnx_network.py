"""A network that onnxruntime runs, from the folder that `codec export` wrote."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from audiocodec.codes import ModelIdentity
from audiocodec.errors import MissingExtra, UnknownModel
from audiocodec.families.network import Encoded
from audiocodec.layers.state import State
from audiocodec.spec import CodecSpec

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
ENCODER_STEP, DECODER_STEP = "encoder_step.onnx", "decoder_step.onnx"
FACTS = "audiocodec"
"""The key of a model's metadata under which its facts are, as JSON."""


class OnnxNetwork:
    """A `Network` whose products are onnxruntime's; torch only hands tensors over.

    Its codes are those of the torch network but for roundings that decide a code now and then,
    and so are those of differently sized pieces.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self._encoder = _Step(folder / ENCODER_STEP, threads)
        self._decoder = _Step(folder / DECODER_STEP, threads)
        facts = self._encoder.facts
        if facts != self._decoder.facts:
            raise UnknownModel(f"{folder}: encoder and decoder are of two models; export again")
        try:
            spec: dict[str, Any] = facts["spec"]
            tuples: dict[str, Any] = {
                key: tuple(v) if isinstance(v, list) else v for key, v in spec.items()
            }
            self._spec = CodecSpec(**tuples)
            self._delay_samples = int(facts["delay_samples"])
            self.identity = ModelIdentity(**facts["identity"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise UnknownModel(f"{folder}: not exported by this package; export again") from error

    @property
    def spec(self) -> CodecSpec:
        """The grid of time and bits."""
        return self._spec

    @property
    def delay_samples(self) -> int:
        """Samples by which the decoder's sound lags behind the encoder's."""
        return self._delay_samples

    @property
    def lookahead_samples(self) -> int:
        """None: only causal networks are exported."""
        return 0

    @property
    def blocks_at_once(self) -> int:
        """How many of blocks.BLOCK_FRAMES it computes best at once."""
        return 1

    def encode(
        self, wav: Tensor, *, levels: int, state: State = None, last: bool = False
    ) -> Encoded:
        """Map wav [R, 1, T] to the indices [R, levels, F] of its frames; see `Network`."""
        if last and (state is not None or wav.shape[-1]):
            late = wav.shape[-1] + self.delay_samples
            wav = functional.pad(wav, (0, self.delay_samples + -late % self.spec.hop_samples))
        if wav.shape[-1] == 0:
            return Encoded(torch.zeros(len(wav), levels, 0, dtype=torch.int64), state)
        codes, after = self._encoder.run(wav, state)
        return Encoded(codes[:, :levels], after)

    def decode(
        self,
        indices: Tensor,
        *,
        state: State = None,
        last: bool = False,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Map indices [R, levels, F] to wav [R, 1, F hop]; return it and the state after."""
        if indices.shape[-1] == 0:
            return torch.zeros(len(indices), 1, 0), state
        sizes = torch.tensor(self.spec.codebook_sizes[indices.shape[1] :], dtype=torch.int64)
        none = sizes[None, :, None].expand(len(indices), -1, indices.shape[2])
        return self._decoder.run(torch.cat([indices, none], dim=1), state)


def run_encoder(folder: Path, wav: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the codes [R, K, F] of whole sounds [R, T], by encoder.onnx."""
    session = _session(folder / ENCODER, None)
    codes: NDArray[np.int64] = session.run(["codes"], {"wav": wav[:, None]})[0]
    return codes


def run_decoder(folder: Path, indices: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the sounds [R, T] of codes [R, K, F], by decoder.onnx."""
    session = _session(folder / DECODER, None)
    wav: NDArray[np.float32] = session.run(["wav"], {"codes": indices.astype(np.int64)})[0]
    return wav[:, 0]


class _Step:
    """One graph: a signal and states in, a signal and states out."""

    def __init__(self, path: Path, threads: int | None) -> None:
        self._session = _session(path, threads)
        table = self._session.get_modelmeta().custom_metadata_map
        self.facts: Any = json.loads(table.get(FACTS, "null"))
        signal, *states = self._session.get_inputs()
        self._signal = signal.name
        self._states = [(state.name, tuple(state.shape[1:])) for state in states]
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return what x and a state, None at the beginning, lead to."""
        values = {self._signal: x.contiguous().numpy()}
        for number, (name, shape) in enumerate(self._states):
            past = state[number] if isinstance(state, tuple) else None
            if isinstance(past, Tensor):
                values[name] = past.numpy()
            else:
                values[name] = np.zeros((len(x), *shape), np.float32)
        found = dict(zip(self._outputs, self._session.run(None, values), strict=True))
        after = tuple(torch.from_numpy(found.pop(f"next_{name}")) for name, _ in self._states)
        (y,) = found.values()
        return torch.from_numpy(y), after


def _session(path: Path, threads: int | None) -> Any:
    """Return onnxruntime's session of a file."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra(
            "the onnx backend needs the export extra: pip install 'audiocodec[export]'"
        ) from error
    if not path.is_file():
        raise UnknownModel(f"{path} is not there; make it by `codec export`")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no class of their own
        raise UnknownModel(f"{path}: {error}; export it again") from error
