"""Many sounds of different lengths: each with the codes that it has alone."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from audiocodec.audio.layout import row_count
from audiocodec.codes import Codes
from audiocodec.errors import UnsupportedAudio

if TYPE_CHECKING:
    from audiocodec.codec import Codec

AT_ONCE = 32
"""Sounds that are stacked at most: bounds the memory of a GPU."""


def encode_together(
    codec: "Codec",
    sounds: Sequence[NDArray[np.float32]],
    sample_rate_hz: int | None,
    *,
    levels: int,
) -> list[Codes]:
    """Return the codes of sounds [T] or [C, T]; those of one shape are stacked off the CPU."""
    for number, sound in enumerate(sounds):
        if sound.ndim > 2:
            raise UnsupportedAudio(
                f"sound {number}: [T] or [C, T] expected, not shape {sound.shape}; "
                f"give its parts one by one"
            )
    found: dict[int, Codes] = {}
    for group in _groups([sound.shape for sound in sounds], codec):
        if len(group) == 1:
            found[group[0]] = codec.encode(sounds[group[0]], sample_rate_hz, levels=levels)
            continue
        shape = (len(group), *(1,) * (2 - sounds[group[0]].ndim), *sounds[group[0]].shape)
        stacked = np.stack([sounds[number] for number in group]).reshape(shape)
        codes = codec.encode(stacked, sample_rate_hz, levels=levels)
        ndim = sounds[group[0]].ndim
        found.update(zip(group, _split(codes, len(group), ndim), strict=True))
    return [found[number] for number in range(len(sounds))]


def decode_together(codec: "Codec", batch: Sequence[Codes]) -> list[Tensor]:
    """Return the sound of each of `batch`; codes of one shape are stacked off the CPU."""
    keys = [_likeness(codes) for codes in batch]
    found: dict[int, Tensor] = {}
    for group in _groups(keys, codec):
        if len(group) == 1:
            found[group[0]] = codec.decode(batch[group[0]], force_model=True)
            continue
        wav = codec.decode(_join([batch[number] for number in group]), force_model=True)
        for number, item in zip(group, wav, strict=True):
            found[number] = item[0] if batch[number].source.ndim == 1 else item
    return [found[number] for number in range(len(batch))]


def _groups(keys: Sequence[Hashable], codec: "Codec") -> Iterator[list[int]]:
    """Yield the numbers of what is coded together: on a CPU each alone, elsewhere equal keys.

    On a CPU the rows of a batch go through the network one by one anyway.
    """
    alone = codec.device.type == "cpu"
    alike: dict[Hashable, list[int]] = {}
    for number, key in enumerate(keys):
        alike.setdefault((number if alone else None, key), []).append(number)
    for numbers in alike.values():
        for begin in range(0, len(numbers), AT_ONCE):
            yield numbers[begin : begin + AT_ONCE]


def _likeness(codes: Codes) -> Hashable:
    """Return what codes must share to be decoded at once; those of a batch share it with none."""
    if codes.source.ndim > 2:
        return id(codes)
    return codes.indices.shape, codes.source, codes.scale is None


def _split(codes: Codes, count: int, ndim: int) -> list[Codes]:
    """Return the codes of each of `count` sounds of a batch."""
    rows = row_count(codes.source.channels, codes.spec.channels)
    parts = [slice(rows * number, rows * (number + 1)) for number in range(count)]
    return [
        replace(
            codes,
            indices=codes.indices[part],
            scale=None if codes.scale is None else codes.scale[part],
            source=replace(codes.source, ndim=ndim),
        )
        for part in parts
    ]


def _join(batch: Sequence[Codes]) -> Codes:
    """Return the codes of sounds of one shape as a batch."""
    scales = [codes.scale for codes in batch if codes.scale is not None]
    return replace(
        batch[0],
        indices=np.concatenate([codes.indices for codes in batch]),
        scale=np.concatenate(scales) if scales else None,
        source=replace(batch[0].source, ndim=3),
    )
