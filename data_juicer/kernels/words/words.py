"""Words as DataJuicer's word filters see them.

A word is what is between spaces, newlines and tabs (of no other kind). Filters then refine words: lower case, and
special characters stripped from both ends; words that consist of special characters alone vanish.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import (
    Bytes,
    Counts,
    Table,
    byte_offsets,
    bytes_of,
    offsets_of,
    points_of,
    row_sums,
)
from data_juicer.kernels.characters.special_characters import special_table
from data_juicer.kernels.native import loading

SEPARATORS: Final = " \n\t"
_SEPARATOR, _SPECIAL, _PLAIN = 2, 1, 0


@cache
def _classes() -> Table:
    table = special_table() * np.uint8(_SPECIAL)
    table[[ord(separator) for separator in SEPARATORS]] = _SEPARATOR
    return table


def count_words(column: pa.Array) -> Counts:
    """How many words of each row hold a character that is not special: the refined words, not made."""
    if loading.functions is not None:
        utf8 = bytes_of(column)
        counts = np.empty(len(column), np.int64)
        loading.functions.count_words(utf8.data, utf8.offsets, special_table(), counts)
        return counts
    text_points = points_of(column)
    classes = _classes().take(text_points.points)
    begins = classes == _SEPARATOR
    begins[text_points.offsets[:-1][text_points.offsets[:-1] < text_points.offsets[1:]]] = True
    starts_at = np.flatnonzero(begins)  # of one separator and a word, or of a word at the start of a row
    if not len(starts_at):
        return np.zeros(len(column), np.int64)
    has_plain = np.bitwise_or.reduceat(classes == _PLAIN, starts_at)
    return row_sums(has_plain, np.searchsorted(starts_at, text_points.offsets))


def words_of(column: pa.Array, *, lower: bool = False, strip: bool = False) -> pa.Array:
    """The words of each row: large_list of large_string.

    Args:
        lower: in lower case, as Python has it.
        strip: without the special characters at both ends; words of nothing else are left out.
    """
    if lower:
        # Python's lower case looks at neighbours (final sigma), but never over a separator.
        column = pa.array([text.lower() for text in column.to_pylist()], pa.large_string())
    text_points = points_of(column)
    classes = _classes().take(text_points.points)
    starts, stops = _spans(classes, text_points.offsets)
    if strip:
        starts, stops = _stripped(classes, starts, stops)
    rows = np.searchsorted(starts, text_points.offsets)
    return pa.LargeListArray.from_arrays(pa.array(rows), _gather(column, starts, stops))


def _spans(classes: npt.NDArray[np.uint8], offsets: Counts) -> tuple[Counts, Counts]:
    """Where each word starts and stops, in characters of the column; words end at the ends of rows too."""
    inside = classes != _SEPARATOR
    starts = inside.copy()
    starts[1:] &= ~inside[:-1]
    row_starts = offsets[:-1][offsets[:-1] < offsets[1:]]
    starts[row_starts] = inside[row_starts]
    stops = inside.copy()
    stops[:-1] &= ~inside[1:]
    stops[row_starts[1:] - 1] = inside[row_starts[1:] - 1]
    return np.flatnonzero(starts), np.flatnonzero(stops) + 1


def _stripped(classes: npt.NDArray[np.uint8], starts: Counts, stops: Counts) -> tuple[Counts, Counts]:
    plain = np.flatnonzero(classes == _PLAIN)
    first, last = np.searchsorted(plain, starts), np.searchsorted(plain, stops)
    left = first < last
    return plain[first[left]], plain[last[left] - 1] + 1


def _gather(column: pa.Array, starts: Counts, stops: Counts) -> pa.Array:
    """The stretches of characters as a large_string array; they are in order and do not overlap."""
    data = bytes_of(column).data
    byte_starts, byte_stops = byte_offsets(data, starts), byte_offsets(data, stops)
    steps = np.zeros(len(data) + 1, np.int8)
    steps[byte_starts] += 1
    steps[byte_stops] -= 1
    inside = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)
    return Bytes(data[inside], offsets_of(byte_stops - byte_starts)).column()
