"""How the channels of a sound become the rows that a codec works on, and back.

A codec for C' channels takes rows of C' channels each, and every row costs its full bit rate:

    sound      codec   rows
    mono       mono    the sound
    C channels mono    one for each channel: C times the bit rate
    stereo     stereo  the sound
    mono       stereo  the sound in both channels, averaged when it comes back
    C channels stereo  one for each pair; a last single channel as mono above
"""

import numpy as np

from .limits import FloatArray


def row_count(channels: int, codec_channels: int) -> int:
    """Return the rows R that a sound of `channels` channels takes."""
    return -(-channels // codec_channels)


def to_rows(wav: FloatArray, codec_channels: int) -> FloatArray:
    """Cut [C, T] into rows [R, codec_channels, T]; the last channel fills up the last row."""
    rows = row_count(wav.shape[0], codec_channels)
    # Past the last channel, the last channel again.
    order = np.minimum(np.arange(rows * codec_channels), wav.shape[0] - 1)
    cut: FloatArray = wav[order].reshape(rows, codec_channels, wav.shape[1])
    return cut


def from_rows(rows: FloatArray, channels: int) -> FloatArray:
    """Put [R, codec_channels, T] together to [channels, T]: the inverse of `to_rows`.

    The copies of the last channel are averaged. Raises ValueError when the rows are not those
    of `channels` channels.
    """
    count, codec_channels, samples = rows.shape
    if channels < 1 or count != row_count(channels, codec_channels):
        raise ValueError(
            f"{count} rows of {codec_channels} channels are not {channels} channels of sound"
        )
    flat = rows.reshape(count * codec_channels, samples)
    if len(flat) == channels:
        return flat
    last = flat[channels - 1 :].mean(axis=0, keepdims=True, dtype=np.float32)
    return np.concatenate([flat[: channels - 1], last])


def to_mono(wav: FloatArray) -> FloatArray:
    """Mix [C, T] down to [1, T]: the mean of all channels, which cannot clip."""
    mixed: FloatArray = wav.mean(axis=0, keepdims=True, dtype=np.float32)
    return mixed
