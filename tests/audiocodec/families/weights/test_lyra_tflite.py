"""TFLite files to Lyra: what goes in comes out; what is not expected is named."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocodec.errors import UnknownModel
from audiocodec.families.lyra import Lyra
from audiocodec.families.soundstream import SoundStream
from audiocodec.families.weights.lyra_tflite import build_float, build_lyra, read_lyra
from audiocodec.layers.activation import Activation
from audiocodec.layers.chain import Chain

Files = tuple[bytes, bytes, bytes]


@pytest.fixture(scope="module")
def network(lyra_files: ModuleType) -> Lyra:
    made: Lyra = lyra_files.tiny_lyra()
    return made


@pytest.fixture(scope="module")
def files(lyra_files: ModuleType, network: Lyra) -> Files:
    made: Files = lyra_files.tiny_files(network)
    return made


def test_the_network_comes_back(network: Lyra, files: Files) -> None:
    found = build_lyra(read_lyra(*files))
    assert found.config == network.config
    state = found.state_dict()
    assert state.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        # Factors are made of three scales, each rounded to float32.
        assert torch.allclose(state[name], tensor, rtol=1e-6, atol=0), name
        assert name.endswith("factors") or torch.equal(state[name], tensor), name


def test_in_float_it_sounds_alike_and_can_be_trained(network: Lyra, files: Files) -> None:
    found = build_float(read_lyra(*files))
    assert type(found) is SoundStream
    indices = torch.randint(4, (1, 3, 50), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact, _ = network.decode(indices)
        alike, _ = found.decode(indices)
    assert (exact - alike).square().mean() < 0.1 * exact.square().mean()
    found.train().requires_grad_(True)
    latents, _ = found.encoder(torch.randn(1, 1, 160))
    latents.square().sum().backward()
    assert all(p.grad is not None for p in found.encoder.parameters())


@pytest.mark.parametrize(
    "name", ["ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "LEAKY_RELU", "SPLIT", "SUB", "RESHAPE"]
)
def test_another_operator_is_an_error_that_names_it(
    name: str, lyra_files: ModuleType, network: Lyra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lyra_files.OPERATORS, name, (8, lyra_files.OPERATORS[name][1]))
    with pytest.raises(UnknownModel, match=r"operator \d+, number 8: no such operator"):
        read_lyra(*lyra_files.tiny_files(network))


@pytest.mark.parametrize(
    ("name", "slot", "value", "message"),
    [
        ("CONV_2D", 0, ("b", 0), r"operator \d+, CONV_2D: no padding"),
        ("CONV_2D", 3, ("b", 1), r"CONV_2D: no fused activation"),
        ("CONV_2D", 2, ("i", 3), r"CONV_2D: \d+ columns of past, -?\d+ expected"),
        ("DEPTHWISE_CONV_2D", 6, ("i", 2), r"DEPTHWISE_CONV_2D: \d+ columns of past"),
        ("TRANSPOSE_CONV", 2, ("i", 1), r"state of a transposed convolution is no tail"),
        ("ADD", 0, ("b", 1), r"ADD: no fused activation"),
        ("CONCATENATION", 0, ("i", 2), r"CONCATENATION: a state before the line"),
        ("LEAKY_RELU", 0, ("f", 1.5), "negative_slope is 1.5"),
    ],
)
def test_other_options_are_errors_that_name_the_operator(
    name: str,
    slot: int,
    value: tuple[str, Any],
    message: str,
    lyra_files: ModuleType,
    network: Lyra,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = lyra_files.Writer.operator

    def changed(
        self: Any, found: str, inputs: Any, outputs: Any, options: dict[int, Any] | None = None
    ) -> None:
        options = {**(options or {}), slot: value} if found == name else options
        write(self, found, inputs, outputs, options)

    monkeypatch.setattr(lyra_files.Writer, "operator", changed)
    with pytest.raises(UnknownModel, match=message):
        build_lyra(read_lyra(*lyra_files.tiny_files(network)))


def test_a_layer_too_many_is_named(lyra_files: ModuleType, network: Lyra, files: Files) -> None:
    longer = Chain([*network.encoder.layers, Activation("leaky_relu")])
    encoder = lyra_files.network_file(longer, (1, 16), (1, 1, 8))
    with pytest.raises(UnknownModel, match=r"operator \d+, LEAKY_RELU: \d+ layers expected"):
        build_lyra(read_lyra(encoder, *files[1:]))


def test_codebooks_of_both_directions_must_agree(
    lyra_files: ModuleType, network: Lyra, files: Files
) -> None:
    books = network.quantizer.codebooks.numpy()
    quantizer = lyra_files.quantizer_file(books, looked_up=books[::-1])
    with pytest.raises(UnknownModel, match="different codebooks"):
        read_lyra(files[0], quantizer, files[2])


def test_sums_that_float32_cannot_hold_are_refused(lyra_files: ModuleType, network: Lyra) -> None:
    changed = lyra_files.tiny_lyra()
    changed.encoder.layers[-2].bias[0] = 1 << 24
    with pytest.raises(UnknownModel, match="CONV_2D: its sums do not fit into 24 bits"):
        read_lyra(*lyra_files.tiny_files(changed))


def test_mixed_up_files_are_errors(files: Files) -> None:
    encoder, quantizer, decoder = files
    with pytest.raises(UnknownModel, match="no signature 'serving_default'"):
        read_lyra(quantizer, encoder, decoder)
    with pytest.raises(UnknownModel):
        build_lyra(read_lyra(decoder, quantizer, encoder))
    with pytest.raises(UnknownModel, match="TFL3"):
        read_lyra(b"RIFF", quantizer, decoder)


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_damage_is_found_or_harmless(data: st.DataObject, files: Files) -> None:
    which = data.draw(st.integers(0, 2))
    damaged = [bytearray(file) for file in files]
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(damaged[which]) - 1))
        damaged[which][place] = data.draw(st.integers(0, 255))
    del damaged[which][data.draw(st.integers(0, 2 * len(files[which]))) :]
    try:
        found = build_lyra(read_lyra(*map(bytes, damaged)))
    except UnknownModel:
        return
    assert np.isfinite(found.quantizer.codebooks.shape).all()
