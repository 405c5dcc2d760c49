"""Work on `.codes` files that needs no model: fewer levels, cut, join, verify; without torch.

Everything goes chunk by chunk, so memory does not grow with the length. What is lost in the input
stays lost in the output, in its place, and is reported; nothing is made up here.
"""

from .copying import EditReport
from .cut import CutReport, cut_file
from .join import cat_files
from .truncate import truncate_file
from .verify import Problem, Verification, verify_file

__all__ = [
    "CutReport",
    "EditReport",
    "Problem",
    "Verification",
    "cat_files",
    "cut_file",
    "truncate_file",
    "verify_file",
]
