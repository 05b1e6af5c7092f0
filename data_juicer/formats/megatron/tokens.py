"""The tokens of a partition's rows, as workers make them: how many each document has, and all of them. Pure.

A part is a header (magic, code of the type of tokens, documents), the lengths of the documents as int32, and the tokens.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

_MAGIC: Final = b"DJTOKENS"
_HEADER: Final = struct.Struct("<8sB7xQ")
CODES: Final[Mapping[int, np.dtype[Any]]] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}
"""Megatron's codes of the types of tokens -> the types."""
_NARROW_VOCABULARY_MAX: Final = 65_500
"""Tokens of a smaller vocabulary take two bytes, as Megatron has it."""


class Part(NamedTuple):
    """The documents of a partition."""

    code: int
    lengths: npt.NDArray[np.int32]
    """Tokens of each document, shape (documents,)."""
    tokens: memoryview


def code_of(vocabulary: int) -> int:
    return 8 if vocabulary < _NARROW_VOCABULARY_MAX else 4


def encode_part(documents: Sequence[Sequence[int]], code: int) -> bytes:
    lengths = np.fromiter(map(len, documents), np.dtype("<i4"), len(documents))
    tokens = np.fromiter(
        (token for document in documents for token in document), CODES[code], int(lengths.sum())
    )
    return b"".join([_HEADER.pack(_MAGIC, code, len(documents)), lengths.tobytes(), tokens.tobytes()])


def decode_part(data: bytes) -> Part:
    _, code, documents = _HEADER.unpack_from(data)
    start = _HEADER.size
    stop = start + 4 * documents
    view = memoryview(data)
    return Part(code, np.frombuffer(view[start:stop], np.dtype("<i4")), view[stop:])
