"""Numbers in the units that people read."""


def kbps(bitrate_bps: float) -> str:
    """Return a bit rate such as "6 kbps"."""
    return f"{bitrate_bps / 1000:.4g} kbps"


def size(count: int) -> str:
    """Return a number of bytes such as "12.4 kB"; a kB is 1000 bytes."""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count} bytes"
    for unit, scale in (("kB", 1e3), ("MB", 1e6)):
        if count < 999.5 * scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count / 1e9:.3g} GB"


def seconds(duration_s: float) -> str:
    """Return a length such as "12.3 s"; short ones with more digits."""
    return f"{duration_s:.1f} s" if duration_s >= 10 else f"{duration_s:.3g} s"


def count(number: int, thing: str) -> str:
    """Return a number of things such as "1 channel" or "2 channels"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
