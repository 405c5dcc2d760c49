"""The codebooks of Lyra's quantizer, from its two graphs, which must agree."""

import numpy as np

from audiocodec.errors import UnknownModel

from .lyra_steps import FloatArray, unexpected
from .tflite import Graph, Operator

_ENCODE = {
    "ADD", "ARG_MAX", "ARG_MIN", "CAST", "LESS", "GATHER", "MUL", "ONE_HOT", "PACK", "RESHAPE",
    "SQUARED_DIFFERENCE", "STRIDED_SLICE", "SUB", "SUM",
}  # fmt: skip
_DECODE = {"ADD", "CAST", "GATHER", "MAXIMUM", "MUL", "NOT_EQUAL", "STRIDED_SLICE"}
_TO_ONE_HOT = ("MUL", "RESHAPE", "ONE_HOT", "ARG_MIN", "SUM", "SQUARED_DIFFERENCE")


def read_codebooks(encode: Graph, decode: Graph) -> FloatArray:
    """Return the codebooks [K, N, D], coarse to fine. Raises UnknownModel."""
    codebooks, gathered = _searched(encode), _gathered(decode)
    if codebooks.shape != gathered.shape or not np.array_equal(codebooks, gathered):
        raise UnknownModel("the quantizer's two graphs have different codebooks")
    return codebooks


def _searched(graph: Graph) -> FloatArray:
    """Return what each level's search is against, in the order of the packed indices."""
    made_by = _producers(graph, _ENCODE)
    packs = [operator for operator in graph.operators if operator.name == "PACK"]
    if len(packs) != 1:
        raise UnknownModel(f"one PACK of the levels' indices expected, not {len(packs)}")
    books = []
    for number in packs[0].inputs:
        search = packs[0]
        for name in _TO_ONE_HOT:
            search = _made(made_by, number, name, search)
            number = search.inputs[0]
        books.append(_codebook(graph, search, search.inputs[1]))
    return _stack(books)


def _gathered(graph: Graph) -> FloatArray:
    """Return what each level's index looks up, in the order of the levels."""
    made_by = _producers(graph, _DECODE)
    books: dict[int, FloatArray] = {}
    for operator in graph.operators:
        if operator.name == "GATHER":
            cut = _made(made_by, operator.inputs[1], "STRIDED_SLICE", operator)
            level = int(graph.tensor(cut.inputs[1]).array().flat[0])
            if level in books:
                raise unexpected(operator, f"level {level} is looked up twice")
            books[level] = _codebook(graph, operator, operator.inputs[0])
    if sorted(books) != list(range(len(books))):
        raise UnknownModel(f"levels {sorted(books)} are looked up, none may be missing")
    return _stack([books[level] for level in sorted(books)])


def _producers(graph: Graph, known: set[str]) -> dict[int, Operator]:
    """Return the operator that makes each tensor; all must be known."""
    for operator in graph.operators:
        if operator.name not in known:
            raise unexpected(operator, "no such operator is expected in the quantizer")
        if not operator.inputs:
            raise unexpected(operator, "inputs expected")
    return {number: operator for operator in graph.operators for number in operator.outputs}


def _made(made_by: dict[int, Operator], number: int, name: str, user: Operator) -> Operator:
    operator = made_by.get(number)
    if operator is None or operator.name != name or len(operator.inputs) < 2:
        raise unexpected(user, f"the output of a {name} expected")
    return operator


def _codebook(graph: Graph, operator: Operator, number: int) -> FloatArray:
    book = graph.tensor(number).array()
    if book.dtype != np.float32 or book.ndim not in (2, 3):
        raise unexpected(operator, f"a codebook in float expected, not {book.shape}")
    return book.reshape(book.shape[-2:])


def _stack(books: list[FloatArray]) -> FloatArray:
    if not books or len({book.shape for book in books}) != 1:
        raise UnknownModel("levels with codebooks of one size expected")
    return np.stack(books)
