"""Transposed convolutions of every channel by itself, column by column in memory."""

from torch import Tensor


def spread(x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int) -> Tensor:
    """Return the transposed convolution of each channel of x with its own row of weight [C, 1, k].

    x: [B, C, m + F], for k = (m + 1) stride. Only the samples that no later column changes are
    returned: [B, C, F x stride].
    """
    past = weight.shape[-1] // stride - 1
    frames = x.shape[-1] - past
    rows, taps = x.mT[:, :, None], weight[:, 0].mT
    y = rows[:, past : past + frames] * taps[:stride]
    for i in range(1, past + 1):
        y += rows[:, past - i : past - i + frames] * taps[i * stride : (i + 1) * stride]
    if bias is not None:
        y += bias
    return y.flatten(1, 2).mT
