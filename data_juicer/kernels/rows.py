"""Rows of a text column that need work, found from the whole column, so that only they are touched.

A guard must hold exactly the rows that the work could change, or more; every guard has a test that says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.arrays import Mask
from data_juicer.kernels.characters.codepoints import bytes_of


def containing(column: pa.Array, *literals: str) -> Mask:
    """Where a row holds one of these strings, none of them empty, shape (rows,)."""
    found = np.zeros(len(column), np.bool_)
    utf8 = bytes_of(column)
    data, ends = utf8.data.tobytes(), utf8.offsets[1:].tolist()
    for literal in literals:
        _mark(found, data, ends, literal.encode())
    return found


def _mark(found: Mask, data: bytes, ends: list[int], literal: bytes) -> None:
    """Set the rows that hold the literal; one search for each such row, which `bytes.find` does at memory speed."""
    place = data.find(literal)
    while place >= 0:
        row = bisect_right(ends, place)
        if place + len(literal) <= ends[row]:
            found[row] = True
            place = data.find(literal, ends[row])
        else:  # from the end of one row into the next
            place = data.find(literal, place + 1)


def matching(column: pa.Array, pattern: str) -> Mask:
    r"""Where an RE2 pattern matches somewhere in a row, shape (rows,); \s, \w, \d and \b are ASCII."""
    found: Mask = pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False)
    return found


def map_rows(column: pa.Array, needed: Mask, change: Callable[[str], str]) -> pa.Array:
    """The column with `change` applied to the rows that are `needed`."""

    def changed(part: pa.Array) -> pa.Array:
        return pa.array([change(text) for text in part.to_pylist()], pa.large_string())

    return map_part(column, needed, changed)


def map_part(column: pa.Array, needed: Mask, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The column with `change`, a function of columns, applied to the rows that are `needed`."""
    if not needed.any():
        return column
    if needed.all():
        return change(column)
    mask = pa.array(needed)
    return pc.replace_with_mask(column, mask, change(column.filter(mask)))
