"""How stable codes are: after decoding and encoding again, and where a sound is cut."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audiocodec.audio.resample import resample

if TYPE_CHECKING:
    from audiocodec.codec import Codec

    from .clips import Sound

PASSES = 10


@dataclass(frozen=True, slots=True)
class Stability:
    """Percentages of equal codes, over all levels, and over the first one alone.

    kept_1, kept_10: after decoding and encoding again once and ten times.
    sliced: codes of the sound's second quarter and on, against the same frames of the whole's.
    """

    kept_1: float
    kept_10: float
    sliced: float
    first_level_kept_1: float
    first_level_kept_10: float
    first_level_sliced: float


def measure_stability(codec: "Codec", sound: "Sound", levels: int) -> Stability | None:
    """Encode and decode over and over, and encode a cut; None for a sound of under four frames.

    Everything happens at the codec's own rate, so that no resampling takes part.
    """
    spec = codec.spec
    wav = resample(sound.wav[None], sound.sample_rate_hz, spec.sample_rate_hz)[0]
    first = codec.encode(wav, levels=levels)
    begin = first.frames // 4 // spec.frames_together * spec.frames_together
    if first.frames < 4 or begin == 0:
        return None
    kept: dict[int, NDArray[np.bool_]] = {}
    codes = first
    for number in range(1, PASSES + 1):
        codes = codec.encode(codec.decode(codes), levels=levels)
        kept[number] = codes.indices == first.indices
    cut = codec.encode(wav[spec.samples(begin) :], levels=levels).indices
    frames = min(cut.shape[-1], first.frames - begin)
    sliced = cut[..., :frames] == first.indices[..., begin : begin + frames]
    return Stability(
        *(100 * float(same.mean()) for same in (kept[1], kept[PASSES], sliced)),
        *(100 * float(same[:, 0].mean()) for same in (kept[1], kept[PASSES], sliced)),
    )
