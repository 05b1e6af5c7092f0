"""Words as runs of letters, digits and marks, in lower case: what is left where layout and punctuation are not to count. Pure.

Chinese characters and Japanese kana are a word each, since nothing divides the words of such texts.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import CODE_POINTS, Counts, Table, bytes_of
from data_juicer.kernels.words.lower import decoded, lower
from data_juicer.kernels.words.word_keys import CHUNK, keys_of

_OTHER, _IN_WORD, _WORD = 0, 1, 2
_WORDS_ALONE: Final = (
    (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
"""Kana and Chinese characters, first and last of each block."""
_IS_ASCII_WORD: Final = np.array([byte >= 0x80 or chr(byte).isalnum() for byte in range(256)])


@cache
def _kinds() -> Table:
    """What a character is: of no word, of a word, or one by itself."""
    table = np.zeros(CODE_POINTS, np.uint8)
    for point in range(0x80, 0x20000):
        if unicodedata.category(chr(point))[0] in "LNM":
            table[point] = _IN_WORD
    for first, last in _WORDS_ALONE:
        block = table[first : last + 1]
        block[(block == _IN_WORD) | (first >= 0x20000)] = _WORD
    return table


def alphanumeric_keys(column: pa.Array) -> pa.Array:
    """A key for each word of each row: large_list of uint64, shape (rows,).

    Args:
        column: large_string without nulls.
    """
    utf8 = bytes_of(lower(column))
    data = np.append(utf8.data, np.zeros(CHUNK, np.uint8))  # what is read at a time may reach over the end
    inside: npt.NDArray[np.bool_] = _IS_ASCII_WORD[data]
    cuts = np.zeros(len(data) + 1, np.bool_)
    cuts[utf8.offsets] = True
    _mark_wide(data, inside, cuts)
    before = np.concatenate([[False], inside[:-1]])
    starts = np.flatnonzero(inside & (~before | cuts[:-1]))
    after = np.append(inside[1:], False)
    stops = np.flatnonzero(inside & (~after | cuts[1:])) + 1
    return pa.LargeListArray.from_arrays(
        pa.array(np.searchsorted(starts, utf8.offsets)), pa.array(keys_of(data, starts, stops))
    )


def _mark_wide(
    data: npt.NDArray[np.uint8], inside: npt.NDArray[np.bool_], cuts: npt.NDArray[np.bool_]
) -> None:
    """Leave out characters beyond ASCII that are of no word, and cut before and after those that are one by themselves."""
    leads: Counts = np.flatnonzero(data >= 0xC0)
    if not len(leads):
        return
    points, sizes = decoded(data, leads)
    kinds = _kinds()[points]
    other = kinds == _OTHER
    for step in range(4):
        longer = other & (sizes > step)
        inside[leads[longer] + step] = False
    alone = kinds == _WORD
    cuts[leads[alone]] = True
    cuts[leads[alone] + sizes[alone]] = True
