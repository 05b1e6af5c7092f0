"""The first keys of an order: digit by digit, by counting and not by sorting.

A key is a row of digits, the most significant one first. No two keys are equal: the last digits are the number of a row.
Histograms of parts of all keys can be added up, so that each part can be counted by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from data_juicer.ops.dataset.ranks.bound import Bound
from data_juicer.ops.dataset.scratch import Records

Words = npt.NDArray[np.uint64]
Digits = npt.NDArray[np.uint16]
"""Shape (keys, digits)."""
Counts = npt.NDArray[np.int64]
"""How many keys have each value of a digit, shape (2^16,)."""
Mask = npt.NDArray[np.bool_]
DIGIT_BITS: Final = 16
WORD_DIGITS: Final = 64 // DIGIT_BITS
COUNT: Final = np.dtype([("digit", "<u2"), ("count", "<i8")])
"""How many keys have a value of a digit; of the values that some have."""


def ordered_words(numbers: npt.NDArray[np.float64], *, descending: bool = False) -> Words:
    """Words that rise as the numbers do, or fall; 0 and -0 are the same."""
    bits = (numbers + 0.0).view(np.uint64)
    sign = np.uint64(1 << 63)
    words = np.where(bits & sign, ~bits, bits | sign)
    return ~words if descending else words


def digits_of(words: npt.NDArray[Any], count: int = WORD_DIGITS) -> Digits:
    """The last `count` digits of each word, shape (words, count)."""
    digits: Digits = words.astype(">u8").view(">u2").reshape(len(words), WORD_DIGITS)
    return digits[:, WORD_DIGITS - count :]


def row_digits(rows: int) -> int:
    """How many digits the number of a row has, or a count of rows, where there are so many rows."""
    return -(-max(1, rows).bit_length() // DIGIT_BITS)


def histogram(keys: Digits, prefix: Sequence[int]) -> Counts:
    """The digit after the prefix, of the keys that begin with it."""
    begin = np.arange(len(keys))
    for place, digit in enumerate(prefix):
        begin = begin[keys[begin, place] == digit]
    return np.bincount(keys[begin, len(prefix)], minlength=1 << DIGIT_BITS)


def sparse(counts: Counts) -> Records:
    """A histogram as records (COUNT)."""
    there = np.flatnonzero(counts)
    records = np.empty(len(there), COUNT)
    records["digit"], records["count"] = there, counts[there]
    return records


def dense(parts: Iterable[Records]) -> Counts:
    """The histograms of several parts, added up."""
    counts = np.zeros(1 << DIGIT_BITS, np.int64)
    for part in parts:
        np.add.at(counts, part["digit"], part["count"])
    return counts


def refined(bound: Bound, counts: Counts) -> Bound:
    """The bound with one more digit.

    Args:
        counts: of all keys; see `histogram`.
    """
    below = np.cumsum(counts)
    digit = int(np.searchsorted(below, bound.left))
    before = int(below[digit - 1]) if digit else 0
    return Bound(prefix=(*bound.prefix, digit), left=bound.left - before, of=int(counts[digit]))


def find_bound(keys: Callable[[], Iterable[Digits]], bound: Bound) -> Bound:
    """
    Args:
        keys: all keys in parts, gone through as often as there are digits at most.
    """
    while not bound.is_found:
        counts = np.zeros(1 << DIGIT_BITS, np.int64)
        for part in keys():
            counts += histogram(part, bound.prefix)
        bound = refined(bound, counts)
    return bound


def is_within(keys: Digits, bound: Bound) -> Mask:
    """Which keys are among the first, shape (keys,); the bound is found."""
    within, same = np.zeros(len(keys), np.bool_), np.ones(len(keys), np.bool_)
    for place, digit in enumerate(bound.prefix):
        within |= same & (keys[:, place] < digit)
        same &= keys[:, place] == digit
    return within | same if bound.left else within
