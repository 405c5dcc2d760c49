"""Grouped convolutions: torch's own, the same for any cut, and in a whole network."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from audiocodec.codec import Codec
from audiocodec.families.soundstream import SoundStreamConfig
from audiocodec.layers.causal import CausalConv1d, CausalConvTranspose1d

GROUPED = SoundStreamConfig(
    sample_rate_hz=8000,
    patch_samples=4,
    stem_kernel=8,
    strides=(2, 2),
    encoder_channels=(8, 8, 16),
    decoder_channels=(8, 8, 16),
    unit_kernel=3,
    dilations=(1, 3),
    depthwise=True,
    activation="leaky_relu",
    negative_slope=0.3,
    block_groups=(2, 4),
    head_groups=2,
    latent_dim=8,
    levels=3,
    codebook_size=16,
)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_convolutions_are_torchs_whichever_way(groups: int) -> None:
    torch.manual_seed(0)
    forward = CausalConv1d(8, 12, kernel=4, stride=2, groups=groups)
    back = CausalConvTranspose1d(8, 12, kernel=4, stride=2, groups=groups)
    x = torch.randn(2, 8, 40)
    for layer in (forward, back):
        assert layer.bias is not None
        torch.nn.init.normal_(layer.bias)
        trained, _ = layer(x)
        with torch.inference_mode():
            exact, _ = layer(x)
            first, state = layer(x[..., :10])
            second, _ = layer(x[..., 10:], state)
        assert torch.allclose(trained, exact, atol=1e-5)
        assert torch.equal(torch.cat([first, second], dim=-1), exact)
    padded = torch.nn.functional.pad(x, (2, 0))
    expected = torch.nn.functional.conv1d(padded, forward.weight, forward.bias, 2, groups=groups)
    assert torch.allclose(forward(x)[0], expected, atol=1e-5)


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match="3 groups do not divide 8 and 12 channels"):
        CausalConv1d(8, 12, kernel=1, groups=3)


def test_a_grouped_network_streams_the_offline_codes(
    make_tiny_codec: Callable[..., Codec],
) -> None:
    codec = make_tiny_codec(GROUPED)
    wav = np.random.default_rng(0).normal(0, 0.3, 1000).astype(np.float32)
    stream = codec.stream_encoder()
    parts = [stream.push(part[None]).indices for part in np.array_split(wav, 7)]
    streamed = np.concatenate([*parts, stream.flush().indices], axis=-1)
    whole = codec.encode(wav)
    assert np.array_equal(streamed, whole.indices) and len(np.unique(streamed)) > 4
    assert codec.decode(whole).shape == wav.shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block_groups": (1,)}, "as many block_groups"),
        ({"block_groups": (0, 1)}, "whole numbers"),
        ({"negative_slope": 1.0}, "negative_slope"),
        ({"negative_slope": float("nan")}, "negative_slope"),
    ],
)
def test_absurd_groups_and_slopes_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GROUPED, **changes)  # type: ignore[arg-type]
