"""Rows of a text column in which two lines could belong to one table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from data_juicer.kernels.arrays import Mask
from data_juicer.kernels.characters.codepoints import Counts, bytes_of

_SPACE, _TAB, _BAR, _LINE_FEED = b" \t|\n"


def may_hold_table(column: pa.Array, columns_min: int, columns_max: int) -> Mask:
    """Where two lines in a row, not counting empty ones, could have the same number of columns. Shape (rows,).

    Columns stand apart by single spaces and tabs, and may stand apart by bars. The first line of a text belongs to no
    table, and the last only if it ends with a line feed.
    """
    utf8 = bytes_of(column)
    data, offsets = utf8.data, utf8.offsets
    needed = np.zeros(len(column), np.bool_)
    ends = np.flatnonzero(data == _LINE_FEED)
    rows = np.searchsorted(offsets, ends, "right") - 1
    starts = np.maximum(np.append(0, ends[:-1] + 1), offsets[rows])[: len(ends)]
    filled = ends > starts
    starts, ends, rows = starts[filled], ends[filled], rows[filled]
    if len(ends) == 0:
        return needed
    gaps = (data == _SPACE) | (data == _TAB)
    positions = np.flatnonzero(gaps)
    spaces = _inside(positions, starts, ends)
    low = spaces + 1
    high = low + _inside(np.flatnonzero(data == _BAR), starts, ends)
    fits = (low <= columns_max) & (high >= columns_min) & (starts > offsets[rows])
    fits &= ~gaps[starts] & ~gaps[ends - 1]
    fits &= _inside(positions[1:][np.diff(positions) == 1], starts, ends) == 0
    shared_low = np.maximum(np.maximum(low[1:], low[:-1]), columns_min)
    shared_high = np.minimum(np.minimum(high[1:], high[:-1]), columns_max)
    pairs = fits[1:] & fits[:-1] & (rows[1:] == rows[:-1]) & (shared_low <= shared_high)
    needed[rows[1:][pairs]] = True
    return needed


def _inside(positions: Counts, starts: Counts, ends: Counts) -> Counts:
    """How many of these positions each line holds."""
    counts: Counts = np.searchsorted(positions, ends) - np.searchsorted(positions, starts)
    return counts
