import pytest
import torch

from audiocodec.quantize.split import SplitQuantizer, codebook


def quantizer() -> SplitQuantizer:
    split = SplitQuantizer(latent_dim=6, dim=4, levels=4, semantic_levels=1, codebook_size=8)
    generator = torch.Generator().manual_seed(0)
    for tensor in split.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return split.requires_grad_(False)


@torch.inference_mode()
def test_both_parts_code_the_latents_themselves() -> None:
    split = quantizer()
    latents = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(1))
    indices = split.encode(latents, 4)
    assert indices.shape == (2, 4, 9)
    assert torch.equal(indices[:, :1], split.semantic.encode(latents, 1))
    assert torch.equal(indices[:, 1:], split.acoustic.encode(latents, 3))
    summed = split.semantic.decode(indices[:, :1]) + split.acoustic.decode(indices[:, 1:])
    assert torch.equal(split.decode(indices), summed)


@pytest.mark.parametrize("levels", [1, 2, 3])
@torch.inference_mode()
def test_fewer_levels_are_a_prefix(levels: int) -> None:
    split = quantizer()
    latents = torch.randn(1, 6, 5, generator=torch.Generator().manual_seed(1))
    indices = split.encode(latents, levels)
    assert torch.equal(indices, split.encode(latents, 4)[:, :levels])
    assert split.decode(indices).shape == latents.shape


def test_codebooks_are_averages() -> None:
    sums, usage = torch.tensor([[4.0, 2.0], [1.0, 3.0]]), torch.tensor([2.0, 0.0])
    assert torch.allclose(codebook(sums, usage), torch.tensor([[2.0, 1.0], [1e5, 3e5]]))


@pytest.mark.parametrize("semantic", [0, 4, 5])
def test_both_parts_have_levels(semantic: int) -> None:
    with pytest.raises(ValueError, match="semantic"):
        SplitQuantizer(latent_dim=6, dim=4, levels=4, semantic_levels=semantic, codebook_size=8)
