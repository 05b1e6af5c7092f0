"""Lines of rows as Python's `str.splitlines` has them, by their lengths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Counts, bytes_of, is_ascii, offsets_of

Marks = npt.NDArray[np.bool_]


def line_lengths(column: pa.Array) -> pa.Array:
    """Characters of each line of each row, without the line's end: large_list of int64.

    A row that ends with a line end has no empty line after it; an empty row has no lines.
    """
    utf8 = bytes_of(column)
    row_starts, row_stops = utf8.offsets[:-1], utf8.offsets[1:]
    firsts, afters = _ends(utf8.data, utf8.offsets)
    ended, is_open = _counted(utf8.offsets, firsts, afters)
    offsets = offsets_of(ended + is_open)
    line_of_end = np.arange(len(firsts)) + np.repeat(np.cumsum(is_open) - is_open, ended)
    stops = np.empty(offsets[-1], np.int64)
    stops[line_of_end] = firsts
    stops[offsets[1:][is_open] - 1] = row_stops[is_open]
    starts = np.empty(offsets[-1] + 1, np.int64)
    starts[line_of_end + 1] = afters
    starts[offsets[:-1]] = row_starts
    sizes = _characters(utf8.data, starts[:-1], stops)
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(sizes))


def line_counts(column: pa.Array) -> Counts:
    """Lines of each row: those of `line_lengths`, which are not measured."""
    utf8 = bytes_of(column)
    ended, is_open = _counted(utf8.offsets, *_ends(utf8.data, utf8.offsets))
    return ended + is_open


def _counted(offsets: Counts, firsts: Counts, afters: Counts) -> tuple[Counts, Marks]:
    """Line ends of each row, and whether text follows the last of them."""
    ended = np.diff(np.searchsorted(firsts, offsets))
    some = ended > 0
    last = offsets[:-1].copy()
    last[some] = afters[np.cumsum(ended)[some] - 1]
    return ended, last < offsets[1:]


def _ends(data: npt.NDArray[np.uint8], offsets: Counts) -> tuple[Counts, Counts]:
    """The first byte of each line end, and the byte after it."""
    firsts = np.flatnonzero(
        (data - np.uint8(0x0A) <= 3) | (data - np.uint8(0x1C) <= 2)
    )  # \n \v \f \r, \x1c to \x1e
    afters = firsts + 1
    returns = np.flatnonzero(data[firsts] == 0x0D)
    if len(returns):
        pairs = returns[(afters[returns] < len(data)) & ~np.isin(afters[returns], offsets)]
        pairs = pairs[data[afters[pairs]] == 0x0A]
        afters[pairs] += 1
        left = np.ones(len(firsts), np.bool_)
        left[pairs + 1] = False  # the newline of a pair is no end of its own
        firsts, afters = firsts[left], afters[left]
    if is_ascii(data):
        return firsts, afters
    wide_firsts, wide_afters = _wide_ends(data)
    if not len(wide_firsts):
        return firsts, afters
    order = np.argsort(np.concatenate([firsts, wide_firsts]), kind="stable")
    return np.concatenate([firsts, wide_firsts])[order], np.concatenate([afters, wide_afters])[order]


def _wide_ends(data: npt.NDArray[np.uint8]) -> tuple[Counts, Counts]:
    """U+0085 (two bytes), U+2028 and U+2029 (three)."""
    next_line = np.flatnonzero(data == 0xC2)
    next_line = next_line[data[next_line + 1] == 0x85]
    separators = np.flatnonzero(data == 0xE2)
    separators = separators[(data[separators + 1] == 0x80) & (data[separators + 2] & 0xFE == 0xA8)]
    return np.concatenate([next_line, separators]), np.concatenate([next_line + 2, separators + 3])


def _characters(data: npt.NDArray[np.uint8], starts: Counts, ends: Counts) -> Counts:
    """Characters between byte positions: bytes without those that continue a character."""
    if is_ascii(data):
        return ends - starts
    continuing = Prefix((data & 0xC0) == 0x80)
    return (ends - starts) - (continuing.before(ends) - continuing.before(starts))


class Prefix:
    """How many marks are before a position: sums of eight marks at once, as bytes of a 64-bit word."""

    _SUM = np.uint64(0x0101010101010101)  # times it, the highest byte is the sum of all eight

    def __init__(self, marks: Marks) -> None:
        padded = np.zeros((len(marks) // 8 + 1) * 8, np.uint8)
        padded[: len(marks)] = marks.view(np.uint8)
        self._words = padded.view(np.uint64)
        self._sums = np.zeros(len(self._words), np.int64)
        np.cumsum(self._added(self._words[:-1]), out=self._sums[1:])

    def before(self, positions: Counts) -> Counts:
        words = positions >> 3
        below = (np.uint64(1) << ((positions & 7) << 3).astype(np.uint64)) - np.uint64(1)
        before: Counts = self._sums[words] + self._added(self._words[words] & below)
        return before

    def _added(self, words: npt.NDArray[np.uint64]) -> Counts:
        return ((words * self._SUM) >> np.uint64(56)).view(np.int64)


def longest(lengths: pa.Array) -> Counts:
    """The greatest of each row's line lengths, 0 where it has no lines."""
    offsets = np.asarray(lengths.offsets)
    filled = offsets[1:] > offsets[:-1]
    found = np.zeros(len(lengths), np.int64)
    if filled.any():
        sizes = np.asarray(lengths.values)[: offsets[-1]]
        found[filled] = np.maximum.reduceat(sizes, offsets[:-1][filled])
    return found
