"""The `.codes` file: integers and bytes, numpy only. The specification is in format.md."""

from .contents import Summary, summary
from .header import Header
from .items import Gap, Packet
from .reader import Reader
from .writer import Writer

__all__ = ["Gap", "Header", "Packet", "Reader", "Summary", "Writer", "summary"]
