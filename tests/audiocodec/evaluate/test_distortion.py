"""SI-SDR and mel distance at values that are known beforehand."""

import pytest
import torch
from torch import Tensor

from audiocodec.evaluate.distortion import mel_distance, si_sdr_db

RATE = 24_000


def noise(seed: int, *shape: int) -> Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("ratio_db", [-10.0, 0.0, 20.0])
def test_si_sdr_is_the_ratio_that_was_mixed(ratio_db: float) -> None:
    wav, other = noise(0, 4, 20_000), noise(1, 4, 20_000)
    wav = wav - wav.mean(dim=-1, keepdim=True)
    other = other - other.mean(dim=-1, keepdim=True)
    # Without what the two have in common, the ratio is exactly the one of the energies.
    along = (wav * other).sum(-1, keepdim=True) / wav.square().sum(-1, keepdim=True)
    error = other - along * wav
    error *= wav.norm(dim=-1, keepdim=True) / error.norm(dim=-1, keepdim=True)
    found = si_sdr_db(wav, wav + error * 10 ** (-ratio_db / 20))
    torch.testing.assert_close(found, torch.full((4,), ratio_db), atol=1e-3, rtol=0)


def test_si_sdr_knows_no_level_and_no_offset() -> None:
    wav, copy = noise(0, 9000), noise(0, 9000) + noise(1, 9000)
    expected = si_sdr_db(wav, copy)
    torch.testing.assert_close(si_sdr_db(wav, 0.2 * copy + 0.3), expected, atol=1e-3, rtol=0)


def test_si_sdr_of_a_perfect_copy_is_large_and_of_silence_small() -> None:
    wav = noise(0, 9000)
    assert float(si_sdr_db(wav, 0.5 * wav)) > 60
    assert -130 < float(si_sdr_db(wav, torch.zeros_like(wav))) < -60
    assert si_sdr_db(torch.zeros(100), torch.zeros(100)).isfinite()


def test_mel_distance_of_equals_is_zero() -> None:
    wav = noise(0, 2, 8000)
    assert float(mel_distance(wav, wav.clone(), RATE)) == 0


def test_mel_distance_of_a_tenth_is_one() -> None:
    # Ten times quieter is one lower in log10, everywhere.
    wav = 5 * noise(0, 16_000)
    assert abs(float(mel_distance(wav, 0.1 * wav, RATE)) - 1) < 0.01


def test_mel_distance_grows_with_noise() -> None:
    wav, other = noise(0, 16_000), noise(1, 16_000)
    found = [float(mel_distance(wav, wav + share * other, RATE)) for share in (0.01, 0.1, 1.0)]
    assert found == sorted(found) and found[0] > 0
