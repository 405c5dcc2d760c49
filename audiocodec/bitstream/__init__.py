"""The `.codes` file: integers and bytes, numpy only. The specification is in format.md."""

from .contents import Summary, summary
from .header import Header
from .reader import Gap, Packet, Reader
from .writer import Writer

__all__ = ["Gap", "Header", "Packet", "Reader", "Summary", "Writer", "summary"]
