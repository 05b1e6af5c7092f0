"""How often n-grams repeat within a row, for characters and for words alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Counts, bytes_of, points_of
from data_juicer.kernels.native import loading

Keys = npt.NDArray[np.uint64]

_WORD_BYTES: Final = 8
_NATIVE_MAX: Final = 1000  # longer n-grams would need as many constants
_GROUP_SYMBOLS: Final = 1 << 14  # keys of so many symbols stay in the processor's cache


def ngram_keys(symbols: npt.NDArray[Any], n: int) -> Keys:
    """A 64-bit key for each window of `n` symbols; shape (symbols - n + 1,), empty if there are fewer than n.

    Equal windows have equal keys. A window that fits 64 bits is its own key. A longer one is read as 64-bit words, which
    are multiplied by odd constants and summed: two different windows of a row of 10^5 symbols then share a key with a
    chance of some 10^-10, and a count is off by one.

    Args:
        symbols: unsigned integers; those of one width only can be compared.
    """
    windows = len(symbols) - n + 1
    if windows < 1:
        return np.empty(0, np.uint64)
    width = symbols.itemsize
    per_word = _WORD_BYTES // width
    padded = np.concatenate([symbols, np.zeros(per_word, symbols.dtype)])
    words: Keys = np.lib.stride_tricks.as_strided(
        np.ascontiguousarray(padded).view(np.uint8)[:_WORD_BYTES].view(np.uint64),
        (len(symbols) + 1,),
        (width,),
    )
    if n <= per_word:
        return words[:windows] & np.uint64((1 << (8 * width * n)) - 1)
    shifts = [*range(0, n - per_word, per_word), n - per_word]
    keys = words[:windows] * _odd(0)
    for number, place in enumerate(shifts[1:], 1):
        keys += words[place : place + windows] * _odd(number)
    return keys


@cache
def _odd(number: int) -> np.uint64:
    """An odd constant without pattern, the same in every process."""
    import xxhash

    return np.uint64(xxhash.xxh3_64_intdigest(number.to_bytes(8, "little")) | 1)


class Repeats(msgspec.Struct, frozen=True):
    """Of each row, shapes (rows,)."""

    total: Counts
    """How many n-grams there are."""
    repeated: Counts
    """How many of them occur more than once, each occurrence counted."""
    frequent: Counts
    """The same of the most frequent ones alone, as many as the root of the number of different ones."""


def character_repeats(column: pa.Array, n: int) -> Repeats:
    """How often n-grams of characters repeat in each row of a large_string column without nulls."""
    if loading.functions is not None and n <= _NATIVE_MAX:
        utf8 = bytes_of(column)
        return _native_repeats(loading.functions.character_repeats, utf8.data, utf8.offsets, n)
    text_points = points_of(column)
    return _summed(text_points.points, text_points.offsets, n)


def word_repeats(keys: Keys, offsets: Counts, n: int) -> Repeats:
    """How often n-grams of words repeat in each row, whose words are `keys[offsets[i]:offsets[i + 1]]`."""
    if loading.functions is not None and n <= _NATIVE_MAX:
        return _native_repeats(loading.functions.word_repeats, keys, offsets, n)
    return _summed(keys, offsets, n)


def _native_repeats(function: Any, symbols: npt.NDArray[Any], offsets: Counts, n: int) -> Repeats:
    answers = np.empty((len(offsets) - 1, 3), np.int64)
    function(symbols, offsets, n, np.array([_odd(number) for number in range(n)], np.uint64), answers)
    return Repeats(*answers.T)


def _summed(symbols: npt.NDArray[Any], offsets: Counts, n: int) -> Repeats:
    answers = np.zeros((3, len(offsets) - 1), np.int64)
    for row, (total, distinct, counts) in enumerate(repeats(symbols, offsets, n)):
        answers[0, row] = total
        if len(counts):
            answers[1:, row] = counts.sum(), np.sort(counts)[-math.isqrt(distinct) :].sum()
    return Repeats(*answers)


def _narrowed(symbols: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The symbols in as few bytes as they need: shorter windows, fewer words."""
    greatest = int(symbols.max(initial=0))
    return symbols.astype(np.min_scalar_type(greatest), copy=False)


def _groups(offsets: Counts) -> Iterator[tuple[int, int]]:
    """Consecutive rows, of `_GROUP_SYMBOLS` symbols or a little more together."""
    first, rows = 0, len(offsets) - 1
    while first < rows:
        last = int(np.searchsorted(offsets, offsets[first] + _GROUP_SYMBOLS))
        last = min(max(last, first + 1), rows)
        yield first, last
        first = last


def repeats(symbols: npt.NDArray[Any], offsets: Counts, n: int) -> Iterator[tuple[int, int, Counts]]:
    """For each row: its n-grams, how many different ones, and the counts of those that occur more than once.

    Args:
        symbols: characters or numbers of words, row i being `symbols[offsets[i]:offsets[i + 1]]`.
    """
    for first, last in _groups(offsets):
        begin, end = int(offsets[first]), int(offsets[last])
        keys = ngram_keys(_narrowed(symbols[begin:end]), n)
        starts = (offsets[first:last] - begin).tolist()
        stops = (offsets[first + 1 : last + 1] - begin - (n - 1)).tolist()
        for start, stop in zip(starts, stops, strict=True):
            yield _repeats_of(keys[start:stop] if stop > start else keys[:0])


def _repeats_of(keys: Keys) -> tuple[int, int, Counts]:
    total = len(keys)
    if not total:
        return 0, 0, np.empty(0, np.int64)
    ordered = np.sort(keys)
    changes = np.flatnonzero(ordered[1:] != ordered[:-1])
    distinct = len(changes) + 1
    if distinct == total:
        return total, total, np.empty(0, np.int64)
    edges = np.empty(distinct + 1, np.int64)
    edges[0], edges[1:-1], edges[-1] = 0, changes + 1, total
    counts = edges[1:] - edges[:-1]
    return total, distinct, counts[counts > 1]
