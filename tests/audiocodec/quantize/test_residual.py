"""Residual quantizer: levels are an argument, prefixes are codes, the nearest vector wins."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from audiocodec.quantize.residual import ResidualQuantizer


@torch.inference_mode()
def fitted(latents: Tensor, *, levels: int, size: int, groups: int = 1) -> ResidualQuantizer:
    """Return a quantizer whose vectors are, level by level, spread over what is left."""
    dim = latents.shape[1]
    quantizer = ResidualQuantizer(dim=dim, levels=levels, codebook_size=size, groups=groups)
    residual = latents.clone()
    for level in range(levels):
        part = residual[:, quantizer.slice_of(level)]
        columns = part.transpose(1, 2).reshape(-1, part.shape[1])
        codebook = columns[:: len(columns) // size][:size].clone()
        for _ in range(4):
            quantizer.codebooks[level] = codebook
            index = quantizer.nearest(part, level).flatten()
            sums = torch.zeros_like(codebook).index_add_(0, index, columns)
            counts = torch.bincount(index, minlength=size)[:, None]
            codebook = torch.where(counts > 0, sums / counts.clamp(min=1), codebook)
        quantizer.codebooks[level] = codebook
        part -= quantizer.look_up(quantizer.nearest(part, level), level)
    return quantizer


@pytest.fixture(scope="module", params=[1, 2])
def groups(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def latents() -> Tensor:
    return torch.randn(3, 8, 200, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def quantizer(latents: Tensor, groups: int) -> ResidualQuantizer:
    return fitted(latents, levels=6, size=16, groups=groups)


@torch.inference_mode()
def test_fewer_levels_are_a_prefix(quantizer: ResidualQuantizer, latents: Tensor) -> None:
    most = quantizer.encode(latents, 6)
    assert most.shape == (3, 6, 200) and most.dtype == torch.int64
    for levels in range(1, 7):
        assert torch.equal(quantizer.encode(latents, levels), most[:, :levels])


@torch.inference_mode()
def test_every_level_brings_the_copy_nearer(quantizer: ResidualQuantizer, latents: Tensor) -> None:
    indices = quantizer.encode(latents, 6)
    errors = [
        float((quantizer.decode(indices[:, :levels]) - latents).square().mean())
        for levels in range(7)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[6] < 0.6 * errors[0]
    assert len(set(errors)) == 7


@torch.inference_mode()
def test_decoding_sums_the_vectors_of_each_group(
    quantizer: ResidualQuantizer, latents: Tensor, groups: int
) -> None:
    indices = quantizer.encode(latents, 6)
    expected = torch.zeros_like(latents)
    width = 8 // groups
    for level in range(6):
        begin = level % groups * width
        vectors = quantizer.codebooks[level][indices[:, level]]
        expected[:, begin : begin + width] += vectors.transpose(1, 2)
    torch.testing.assert_close(quantizer.decode(indices), expected, atol=0, rtol=0)


@torch.inference_mode()
def test_a_group_leaves_the_others_alone(latents: Tensor) -> None:
    quantizer = fitted(latents, levels=2, size=16, groups=2)
    one = quantizer.decode(quantizer.encode(latents, 1))
    assert one[:, 4:].abs().max() == 0
    assert one[:, :4].abs().max() > 0


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    dim=st.integers(1, 40),
    size=st.integers(2, 60),
    frames=st.integers(1, 40),
)
def test_the_nearest_vector_is_chosen(seed: int, dim: int, size: int, frames: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    quantizer = ResidualQuantizer(dim=dim, levels=1, codebook_size=size)
    quantizer.codebooks.normal_(generator=generator)
    x = torch.randn(2, dim, frames, generator=generator)
    chosen = quantizer.nearest(x, 0)
    columns, codebook = x.transpose(1, 2).double(), quantizer.codebooks[0].double()
    distances = (columns[:, :, None] - codebook).square().sum(dim=-1)
    found = distances.gather(2, chosen[..., None])[..., 0]
    torch.testing.assert_close(found, distances.amin(dim=-1), atol=1e-5, rtol=1e-5)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    dim=st.sampled_from([1, 3, 8, 64, 128]),
    size=st.sampled_from([2, 16, 100, 1024]),
    frames=st.integers(1, 120),
    piece=st.integers(1, 60),
    threads=st.sampled_from([1, 2, 8]),
)
def test_near_ties_fall_the_same_way_in_any_cut(
    seed: int, dim: int, size: int, frames: int, piece: int, threads: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    quantizer = ResidualQuantizer(dim=dim, levels=3, codebook_size=size)
    quantizer.codebooks.normal_(generator=generator)
    # Twins that differ in the last bits: any other order of summation would swap some of them.
    twins = quantizer.codebooks[:, : size // 2]
    quantizer.codebooks[:, size - size // 2 :] = twins * (1 + 1e-7)
    x = torch.randn(2, dim, frames, generator=generator)
    before = torch.get_num_threads()
    with torch.inference_mode():
        whole = quantizer.encode(x, 3)
        torch.set_num_threads(threads)
        pieces = [quantizer.encode(part, 3) for part in torch.split(x, piece, dim=-1)]
        rows = [quantizer.encode(row[None], 3) for row in x]
        torch.set_num_threads(before)
    assert torch.equal(torch.cat(pieces, dim=-1), whole)
    assert torch.equal(torch.cat(rows), whole)


def test_training_and_inference_choose_alike(quantizer: ResidualQuantizer, latents: Tensor) -> None:
    trained = quantizer.encode(latents, 6)
    with torch.inference_mode():
        exact = quantizer.encode(latents, 6)
    assert (trained == exact).double().mean() > 0.99
    assert torch.equal(latents, torch.randn(3, 8, 200, generator=torch.Generator().manual_seed(1)))


def test_codebooks_are_no_parameters() -> None:
    quantizer = ResidualQuantizer(dim=4, levels=3, codebook_size=5, groups=2)
    assert list(quantizer.parameters()) == []
    assert quantizer.state_dict()["codebooks"].shape == (3, 5, 2)
    assert quantizer.levels == 3


def test_groups_must_divide_the_dimension() -> None:
    with pytest.raises(ValueError, match="9 dimensions cannot be split into 2"):
        ResidualQuantizer(dim=9, levels=2, codebook_size=4, groups=2)
