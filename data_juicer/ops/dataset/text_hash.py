"""The forms in which texts are compared, and 128-bit hashes of them."""

from __future__ import annotations

import string
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from data_juicer.kernels.characters.codepoints import Table, table_where
from data_juicer.kernels.keep import keep_characters
from data_juicer.kernels.words.lower import lower
from data_juicer.ops.dataset.summaries import Numbers

HASH: Final = pa.binary(16)
_SPACES: Final = "".join(letter for letter in map(chr, range(0x10000)) if letter.isspace())


@cache
def _letters() -> Table:
    """Everything but white space, digits and ASCII punctuation."""
    left_out = frozenset(string.punctuation)
    return table_where(lambda letter: not (letter.isspace() or letter.isdecimal() or letter in left_out))


def compared(column: pa.Array, *, lowercase: bool, letters_only: bool) -> pa.Array:
    """Each text as it is compared: large_string, shape (rows,), white space at the ends left out.

    Args:
        letters_only: leave out white space, digits and ASCII punctuation. A text of nothing else is compared as a whole,
            or else all such texts would be equal.
    """
    column = pc.utf8_trim(lower(column) if lowercase else column, characters=_SPACES)
    if not letters_only:
        return column
    letters = keep_characters(column, _letters())
    return pc.if_else(pc.equal(pc.binary_length(letters), 0), column, letters)


def hashes(column: pa.Array) -> pa.Array:
    """xxh3-128 of each text: fixed_size_binary(16), shape (rows,)."""
    texts = column.cast(pa.large_binary()).to_pylist()
    return pa.array([xxhash.xxh3_128_digest(text) for text in texts], HASH)


def halves(column: pa.Array) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """High and low half of each hash, shape (rows,) each."""
    if not len(column):
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    data = np.frombuffer(column.buffers()[1], np.uint8)[column.offset * 16 :][: len(column) * 16]
    words = data.view("<u8").reshape(-1, 2)
    return words[:, 1], words[:, 0]


def row_numbers(first: int, rows: int) -> Numbers:
    return np.arange(first, first + rows, dtype=np.int64)
