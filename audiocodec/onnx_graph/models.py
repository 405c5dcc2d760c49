"""The four graphs of a SoundStream: encoder and decoder, for whole sounds and step by step."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import onnx
from onnx import TensorProto
from torch.nn import functional

from audiocodec.codes import ModelIdentity
from audiocodec.families.soundstream import SoundStream
from audiocodec.onnx_network import DECODER, DECODER_STEP, ENCODER, ENCODER_STEP, FACTS
from audiocodec.quantize.residual import ResidualQuantizer

from .graph import Graph, Value
from .layers import add_layer


@dataclass(frozen=True, slots=True)
class NamedModel:
    """One graph, and the file that it belongs into."""

    file: str
    model: onnx.ModelProto


def build_models(network: SoundStream, identity: ModelIdentity) -> Iterator[NamedModel]:
    """Yield the four models."""
    facts = {
        "spec": asdict(network.spec),
        "delay_samples": network.delay_samples,
        "identity": asdict(identity),
    }
    metadata = {FACTS: json.dumps(facts)}
    for streaming, encoder, decoder in (
        (False, ENCODER, DECODER),
        (True, ENCODER_STEP, DECODER_STEP),
    ):
        yield NamedModel(encoder, _encoder(network, streaming=streaming).build(metadata))
        yield NamedModel(decoder, _decoder(network, streaming=streaming).build(metadata))


def _encoder(network: SoundStream, *, streaming: bool) -> Graph:
    """Return wav [R, 1, T] to codes [R, K, F].

    Step by step T is a multiple of the hop; a whole sound is filled up with silence, so that the
    decoder, which may lag, gives all of it.
    """
    graph = Graph("encoder", streaming=streaming)
    wav = graph.input("wav", TensorProto.FLOAT, ("rows", 1, "samples"))
    if not streaming:
        wav = _filled_up(graph, wav, network.spec.hop_samples, network.delay_samples)
    latents = add_layer(graph, network.encoder, Value(wav, 1))
    codes = _search(graph, network.quantizer, latents.name)
    graph.output(codes, "codes", TensorProto.INT64, ("rows", network.spec.levels, "frames"))
    return graph


def _decoder(network: SoundStream, *, streaming: bool) -> Graph:
    """Return codes [R, K, F] to wav [R, 1, T]; a code of N, the codebook's size, is none at all.

    A whole sound begins on time; step by step it lags as the network does.
    """
    graph = Graph("decoder", streaming=streaming)
    shape = ("rows", network.spec.levels, "frames")
    codes = graph.input("codes", TensorProto.INT64, shape)
    latents = _look_up(graph, network.quantizer, codes)
    wav = add_layer(graph, network.decoder, Value(latents, network.config.latent_dim)).name
    if not streaming and network.delay_samples:
        wav = graph.slice(wav, network.delay_samples, np.iinfo(np.int64).max)
    graph.output(wav, "wav", TensorProto.FLOAT, ("rows", 1, "samples"))
    return graph


def _filled_up(graph: Graph, wav: str, hop: int, delay: int) -> str:
    samples = graph.add("Shape", wav, start=2, end=3)
    late = graph.add("Add", samples, graph.whole(delay))
    missing = graph.add("Mod", graph.add("Neg", late), graph.whole(hop))  # the divisor's sign
    behind = graph.add("Add", missing, graph.whole(delay))
    pads = graph.add("Concat", graph.whole(0, 0, 0, 0, 0), behind, axis=0)
    return graph.add("Pad", wav, pads)


def _search(graph: Graph, quantizer: ResidualQuantizer, latents: str) -> str:
    """Return the codes [R, K, F] of latents [R, D, F]: every level codes what is left."""
    columns = graph.add("Transpose", latents, perm=[0, 2, 1])
    width = quantizer.codebooks.shape[2]
    sizes = graph.whole(*[width] * quantizer.groups)
    left = graph.split("Split", columns, sizes, count=quantizer.groups, axis=2)
    codes = []
    for level, codebook in enumerate(quantizer.codebooks):
        group = level % quantizer.groups
        offset = codebook.square().sum(dim=1).mul(-0.5)
        product = graph.add("MatMul", left[group], graph.constant(codebook.T))
        likeness = graph.add("Add", product, graph.constant(offset))
        index = graph.add("ArgMax", likeness, axis=2, keepdims=0)
        word = graph.add("Gather", graph.constant(codebook), index, axis=0)
        left[group] = graph.add("Sub", left[group], word)
        codes.append(graph.add("Unsqueeze", index, graph.whole(1)))
    return graph.add("Concat", *codes, axis=1)


def _look_up(graph: Graph, quantizer: ResidualQuantizer, codes: str) -> str:
    """Return the latents [R, D, F] that codes [R, K, F] add up to."""
    parts = graph.split(
        "Split", codes, graph.whole(*[1] * quantizer.levels), count=quantizer.levels, axis=1
    )
    sums: list[str | None] = [None] * quantizer.groups
    for level, (codebook, code) in enumerate(zip(quantizer.codebooks, parts, strict=True)):
        with_none = graph.constant(functional.pad(codebook, (0, 0, 0, 1)))
        index = graph.add("Squeeze", code, graph.whole(1))
        word = graph.add("Gather", with_none, index, axis=0)
        before = sums[level % quantizer.groups]
        sums[level % quantizer.groups] = word if before is None else graph.add("Add", before, word)
    found = [total for total in sums if total is not None]
    if len(found) < quantizer.groups:
        raise ValueError("a slice of the latents is coded by no level")
    return graph.add("Transpose", graph.add("Concat", *found, axis=2), perm=[0, 2, 1])
