"""Diversity is the normalised entropy of use."""

import math

import torch

from audiocodec.evaluate.usage import diversity


def test_all_alike_is_one() -> None:
    torch.testing.assert_close(diversity(torch.full((3, 16), 7.0)), torch.ones(3))


def test_a_single_one_is_zero() -> None:
    counts = torch.zeros(16)
    counts[3] = 100
    assert float(diversity(counts)) == 0


def test_half_of_them_is_one_bit_less() -> None:
    counts = torch.cat([torch.ones(512), torch.zeros(512)])
    torch.testing.assert_close(diversity(counts), torch.tensor(0.9))


def test_it_is_the_entropy() -> None:
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(2)
    torch.testing.assert_close(diversity(torch.tensor([30.0, 10.0])), torch.tensor(expected))


def test_no_use_at_all_is_zero() -> None:
    assert float(diversity(torch.zeros(4))) == 0
