"""Weight norm, folded: weight = g v / |v|, the norm taken over all axes but the first."""

from collections.abc import Mapping

from torch import Tensor

_SPELLINGS = (
    (".weight_g", ".weight_v"),
    (".parametrizations.weight.original0", ".parametrizations.weight.original1"),
)


def fold_weight_norm(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with every pair of g and v, in both spellings, as one `.weight`.

    Plain `.weight` tensors, the third spelling, stay as they are; so does a g or v alone, which
    strict loading then names.
    """
    folded = dict(tensors)
    for g_ending, v_ending in _SPELLINGS:
        for name in [key for key in folded if key.endswith(g_ending)]:
            stem = name.removesuffix(g_ending)
            if stem + v_ending not in folded:
                continue
            g, v = folded.pop(name).float(), folded.pop(stem + v_ending).float()
            norm = v.flatten(1).norm(dim=1).reshape(-1, *(1,) * (v.ndim - 1))
            folded[f"{stem}.weight"] = g * v / norm
    return folded
