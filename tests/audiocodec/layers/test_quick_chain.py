"""Chains in numpy: the same bits however a signal is cut, and what torch's layers compute."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from audiocodec.families.soundstream import SoundStreamConfig, build_decoder, build_encoder
from audiocodec.layers.activation import Activation
from audiocodec.layers.causal import CausalConv1d
from audiocodec.layers.chain import Chain
from audiocodec.layers.matrix import can_pack
from audiocodec.layers.quick_chain import QuickChain
from audiocodec.layers.state import RowState, State

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch packs no matrices")

CONFIG = SoundStreamConfig(
    patch_samples=100,
    stem_kernel=200,
    stem="spectrum",
    strides=(2,),
    encoder_channels=(192, 200),
    decoder_channels=(192, 200),
    unit_kernel=3,
    dilations=(1, 3),
    activation="leaky_relu",
    trunk_activation=False,
    latent_units=1,
    latent_dim=96,
)
FRAMES = 150


@pytest.fixture(scope="module")
def chains() -> list[QuickChain]:
    """An encoder, a decoder, and layers whose stride does not divide their kernel."""
    torch.manual_seed(0)
    odd = [CausalConv1d(200, 200, kernel=5, stride=2, bias=False), CausalConv1d(200, 64, kernel=7)]
    chains = [build_encoder(CONFIG), build_decoder(CONFIG), QuickChain(odd)]
    for chain in chains:
        assert isinstance(chain, QuickChain)
        for name, parameter in chain.named_parameters():
            if name.endswith("bias"):
                nn.init.normal_(parameter, std=0.1)
    return chains  # type: ignore[return-value]


def signals(batch: int = 1) -> list[tuple[Tensor, int]]:
    """Return what goes into each of the chains, and how many columns of it are a frame."""
    generator = torch.Generator().manual_seed(1)
    return [
        (0.1 * torch.randn(batch, 1, 200 * FRAMES, generator=generator), 200),
        (torch.randn(batch, 96, FRAMES, generator=generator), 1),
        (torch.randn(batch, 200, 2 * FRAMES, generator=generator), 2),
    ]


@torch.inference_mode()
def in_pieces(chain: Chain, x: Tensor, unit: int, sizes: list[int]) -> Tensor:
    state: State = None
    pieces: list[Tensor] = []
    begin, end = 0, x.shape[-1] // unit
    while begin < end:
        size = sizes[len(pieces) % len(sizes)]
        y, state = chain(x[..., begin * unit : (begin + size) * unit], state)
        assert isinstance(state, RowState)
        pieces.append(y)
        begin += size
    return torch.cat(pieces, dim=-1)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 70), min_size=1, max_size=4))
def test_any_cut_gives_the_same_bits(chains: list[QuickChain], sizes: list[int]) -> None:
    for chain, (x, unit) in zip(chains, signals(), strict=True):
        whole = in_pieces(chain, x, unit, [FRAMES])
        assert torch.equal(in_pieces(chain, x, unit, sizes), whole)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_matter(chains: list[QuickChain], threads: int) -> None:
    before = torch.get_num_threads()
    for chain, (x, unit) in zip(chains, signals(), strict=True):
        torch.set_num_threads(1)
        alone = in_pieces(chain, x, unit, [FRAMES])
        torch.set_num_threads(threads)
        assert torch.equal(in_pieces(chain, x, unit, [1, 33]), alone)
    torch.set_num_threads(before)


def test_neighbours_in_a_batch_do_not_matter(chains: list[QuickChain]) -> None:
    for chain, (x, unit) in zip(chains, signals(2), strict=True):
        together = in_pieces(chain, x, unit, [7])
        for i, row in enumerate(x):
            assert torch.equal(in_pieces(chain, row[None], unit, [FRAMES])[0], together[i])


def test_it_is_what_torchs_layers_compute(chains: list[QuickChain]) -> None:
    for chain, (x, unit) in zip(chains, signals(2), strict=True):
        expected, state = chain(x)
        assert expected.requires_grad and not isinstance(state, RowState)
        found = in_pieces(chain, x, unit, [20])
        scale = float(expected.detach().abs().max())
        torch.testing.assert_close(found, expected.detach(), atol=2e-5 * scale, rtol=1e-4)


def test_it_follows_its_weights(chains: list[QuickChain]) -> None:
    (_, chain, _), (_, (x, _), _) = chains, signals()
    chain = copy.deepcopy(chain)
    before = in_pieces(chain, x, 1, [FRAMES])
    with torch.no_grad():
        chain.layers[-1].get_parameter("project.weight").mul_(0.5)
    assert not torch.equal(in_pieces(chain, x, 1, [FRAMES]), before)


@pytest.mark.parametrize(
    "layer",
    [
        CausalConv1d(16, 16, kernel=3),
        CausalConv1d(400, 400, kernel=3, groups=2),
        Activation("elu"),
    ],
)
@torch.inference_mode()
def test_other_layers_keep_to_torch(layer: nn.Module) -> None:
    x = torch.randn(1, 400 if getattr(layer, "groups", 1) == 2 else 16, 9)
    y, state = QuickChain([layer])(x)
    assert torch.equal(y, layer(x)[0]) and not isinstance(state, RowState)


@torch.inference_mode()
def test_a_state_of_other_layers_is_refused(chains: list[QuickChain]) -> None:
    with pytest.raises(TypeError, match="other layers"):
        chains[2](torch.zeros(1, 200, 2), (None, None))
