"""Lines of rows as Python's `str.splitlines` has them, by their lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.text.codepoints import Counts, bytes_of, is_ascii, offsets_of

if TYPE_CHECKING:
    from data_juicer.ops.batch import Batch

Marks = npt.NDArray[np.bool_]


def shared_line_lengths(batch: Batch, key: str) -> pa.Array:
    """`line_lengths` of the text column `key`, done once for all operators."""
    return batch.shared(key, "line lengths", make=line_lengths)


def line_lengths(column: pa.Array) -> pa.Array:
    """Characters of each line of each row, without the line's end: large_list of int64.

    A row that ends with a line end has no empty line behind it; an empty row has no lines.
    """
    utf8 = bytes_of(column)
    firsts, behinds = _ends(utf8.data, utf8.offsets)
    rows = len(utf8.offsets) - 1
    row_of = np.searchsorted(utf8.offsets, firsts, side="right") - 1
    # The last line of a row ends with the row, unless the row is empty or its end is a line end.
    last = np.full(rows, -1, np.int64)
    last[row_of] = behinds
    open_rows = np.flatnonzero((last != utf8.offsets[1:]) & (utf8.offsets[1:] > utf8.offsets[:-1]))
    ends = np.concatenate([firsts, utf8.offsets[1:][open_rows]])
    owners = np.concatenate([row_of, open_rows])
    order = np.lexsort((ends, owners))
    ends, owners = ends[order], owners[order]
    starts = np.concatenate([behinds, utf8.offsets[1:][open_rows]])[order]
    starts = np.concatenate([[0], starts[:-1]])[: len(ends)]
    new_row = np.flatnonzero(np.diff(owners, prepend=-1))
    starts[new_row] = utf8.offsets[:-1][owners[new_row]]
    sizes = _characters(utf8.data, starts, ends)
    counts = np.bincount(owners, minlength=rows).astype(np.int64)
    return pa.LargeListArray.from_arrays(pa.array(offsets_of(counts)), pa.array(sizes))


def _ends(data: npt.NDArray[np.uint8], offsets: Counts) -> tuple[Counts, Counts]:
    """The first byte of each line end, and the byte behind it."""
    single = (data - np.uint8(0x0A) <= 3) | (data - np.uint8(0x1C) <= 2)  # \n \v \f \r, \x1c \x1d \x1e
    firsts = np.flatnonzero(single)
    behinds = firsts + 1
    returns = data[firsts] == 0x0D
    if returns.any():
        inside = np.isin(behinds, offsets, invert=True) & (behinds < len(data))
        pairs = np.flatnonzero(returns & inside)
        pairs = pairs[data[behinds[pairs]] == 0x0A]
        behinds[pairs] += 1
        left = np.ones(len(firsts), np.bool_)
        left[pairs + 1] = False  # the newline of a pair is no end of its own
        firsts, behinds = firsts[left], behinds[left]
    if is_ascii(data):
        return firsts, behinds
    wide_firsts, wide_behinds = _wide_ends(data)
    order = np.argsort(np.concatenate([firsts, wide_firsts]), kind="stable")
    return np.concatenate([firsts, wide_firsts])[order], np.concatenate([behinds, wide_behinds])[order]


def _wide_ends(data: npt.NDArray[np.uint8]) -> tuple[Counts, Counts]:
    """U+0085 (two bytes), U+2028 and U+2029 (three)."""
    next_line = np.flatnonzero((data[:-1] == 0xC2) & (data[1:] == 0x85))
    separators = np.flatnonzero((data[:-2] == 0xE2) & (data[1:-1] == 0x80) & (data[2:] & 0xFE == 0xA8))
    return np.concatenate([next_line, separators]), np.concatenate([next_line + 2, separators + 3])


def _characters(data: npt.NDArray[np.uint8], starts: Counts, ends: Counts) -> Counts:
    """Characters between byte positions: bytes without those that continue a character."""
    if is_ascii(data):
        return ends - starts
    behind = np.zeros(len(data) + 1, np.int64)
    np.cumsum((data & 0xC0) != 0x80, out=behind[1:])
    return behind[ends] - behind[starts]


def longest(lengths: pa.Array) -> Counts:
    """The greatest of each row's line lengths, 0 where it has no lines."""
    offsets = np.asarray(lengths.offsets)
    filled = offsets[1:] > offsets[:-1]
    found = np.zeros(len(lengths), np.int64)
    if filled.any():
        sizes = np.asarray(lengths.values)[: offsets[-1]]
        found[filled] = np.maximum.reduceat(sizes, offsets[:-1][filled])
    return found
