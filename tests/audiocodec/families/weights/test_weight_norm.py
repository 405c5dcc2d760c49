import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from audiocodec.families.weights.weight_norm import fold_weight_norm

LAYERS: list[nn.Conv1d | nn.ConvTranspose1d] = [nn.Conv1d(4, 6, 3), nn.ConvTranspose1d(4, 6, 4)]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("normed", [weight_norm, parametrizations.weight_norm])
def test_both_spellings_fold_to_the_weight(
    layer: nn.Conv1d | nn.ConvTranspose1d, normed: Callable[[nn.Module], nn.Module]
) -> None:
    wanted = layer.weight.detach().clone()
    network = nn.Sequential(copy.deepcopy(layer))
    normed(network[0])
    folded = fold_weight_norm(network.state_dict())
    assert set(folded) == {"0.weight", "0.bias"}
    torch.testing.assert_close(folded["0.weight"], wanted)


def test_a_plain_weight_and_a_lone_half_stay() -> None:
    tensors = {"a.weight": torch.ones(2), "b.weight_g": torch.ones(2, 1, 1)}
    assert set(fold_weight_norm(tensors)) == set(tensors)
