"""How often n-grams repeat within a row, for characters and for words alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from data_juicer.ops.text.codepoints import Counts

Keys = npt.NDArray[np.uint64]

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_JOIN: Final = (0xD6E8FEB86659FD93, 0xC2B2AE3D27D4EB4F, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)


def ngram_keys(symbols: npt.NDArray[Any], n: int) -> Keys:
    """A 64-bit key for each window of `n` symbols; shape (symbols - n + 1,), empty if there are fewer than n.

    Equal windows have equal keys. Two different ones of a row of 10^5 symbols share a key with a chance of some
    10^-10; then a count is off by one. Built by doubling: 2, 4, 8 ... symbols, then the binary digits of n.
    """
    if len(symbols) < n:
        return np.empty(0, np.uint64)
    mixed = symbols.astype(np.uint64) + np.uint64(1)
    mixed *= _SPREAD
    mixed ^= mixed >> np.uint64(29)
    keys: Keys | None = None
    width, covered, level = 1, 0, 0
    while True:
        if n & width:
            keys = mixed if keys is None else _joined(keys, mixed, covered, level)
            covered += width
        if covered == n:
            return keys[: len(symbols) - n + 1] if keys is not None else mixed
        mixed = _joined(mixed, mixed, width, level + 1)
        width, level = width * 2, level + 2


def _joined(left: Keys, right: Keys, distance: int, level: int) -> Keys:
    """Keys of windows made of one of `left` and, `distance` symbols on, one of `right`."""
    rest = right[distance:]
    joined = left[: len(rest)] * np.uint64(_JOIN[level % len(_JOIN)] + 2 * level)
    joined += rest[: len(joined)]
    joined ^= joined >> np.uint64(31)
    joined *= _SPREAD
    return joined


def repeats(symbols: npt.NDArray[Any], offsets: Counts, n: int) -> Iterator[tuple[int, int, Counts]]:
    """For each row: its n-grams, how many different ones, and the counts of those that occur more than once.

    Args:
        symbols: characters or numbers of words, row i being `symbols[offsets[i]:offsets[i + 1]]`.
    """
    keys = ngram_keys(symbols, n)
    for start, stop in zip(offsets[:-1].tolist(), (offsets[1:] - (n - 1)).tolist(), strict=True):
        total = stop - start
        if total < 1:
            yield 0, 0, np.empty(0, np.int64)
            continue
        ordered = np.sort(keys[start:stop])
        changes = np.flatnonzero(ordered[1:] != ordered[:-1])
        distinct = len(changes) + 1
        if distinct == total:
            yield total, total, np.empty(0, np.int64)
            continue
        counts = np.diff(changes, prepend=-1, append=total - 1)
        yield total, distinct, counts[counts > 1]
