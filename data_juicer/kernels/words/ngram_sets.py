"""N-grams of words as 64-bit hashes, and large sets of them in which those of a column are looked up. Pure.

A window of n words k_0 ... k_{n-1}, each a 64-bit key, is the number sum(k_j * B^j) mod 2^64 with an odd B, mixed. Sums of all
windows come from one running sum: with H_i = sum of the first i terms k_j * B^j over the whole column, the window at i is
(H_{i+n} - H_i) * B^{-i} (Karp and Rabin 1987; B has an inverse since it is odd). So a window costs the same whatever n is.

What is found by that hash is confirmed by a second one, made in another way.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from data_juicer.kernels.characters.codepoints import Counts
from data_juicer.kernels.mixing import MIX, SPREAD, mixed

Keys = npt.NDArray[np.uint64]

_BASE: Final = 0xD6E8FEB86659FD93
_INVERSE: Final = pow(_BASE, -1, 1 << 64)
_BITS_A_KEY: Final = 16
_BITS_MIN, _BITS_MAX = 1 << 16, 1 << 34


class Windows(msgspec.Struct, frozen=True):
    """The windows of n words of all rows; shapes (windows,)."""

    hashes: Keys
    starts: Counts
    """The first word of each among those of all rows, rising."""


class NgramHasher:
    """Hashes of the windows of one ragged column of words, for any n."""

    def __init__(self, words: Keys, offsets: Counts) -> None:
        """
        Args:
            words: a key for each word of each row.
            offsets: of the rows among them, shape (rows + 1,).
        """
        self.words = mixed(words)
        self._ends = np.repeat(offsets[1:], np.diff(offsets))
        self._inverses = _powers(_INVERSE, len(words))
        sums = np.zeros(len(words) + 1, np.uint64)
        np.cumsum(self.words * _powers(_BASE, len(words)), out=sums[1:])
        self._sums = sums

    def windows(self, n: int) -> Windows:
        """The windows of n words that lie within a row."""
        last = max(0, len(self.words) - n + 1)
        starts = np.flatnonzero(self._ends[:last] >= np.arange(n, last + n))
        if len(starts) == last:
            sums = self._sums[n : n + last] - self._sums[:last]
            return Windows(mixed(sums * self._inverses[:last] ^ np.uint64(n)), starts)
        sums = self._sums[starts + n] - self._sums[starts]
        return Windows(mixed(sums * self._inverses[starts] ^ np.uint64(n)), starts)

    def checks(self, starts: Counts, n: int) -> Keys:
        """Another hash of the windows that begin at these words."""
        found = np.full(len(starts), n, np.uint64)
        for step in range(n):
            found = (found ^ self.words[starts + step]) * SPREAD
            found ^= found >> np.uint64(32)
            found *= MIX
        return found


def _powers(base: int, count: int) -> Keys:
    """1, base, base^2 and so on modulo 2^64, shape (count,)."""
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)


class NgramSet:
    """N-grams that are sorted by their hashes, each once; the arrays may be mapped from a file."""

    def __init__(self, hashes: Keys, checks: Keys, lengths: npt.NDArray[np.uint8]) -> None:
        """
        Args:
            hashes: rising; shapes (n-grams,).
            lengths: words of each.
        """
        self._hashes, self._checks, self._lengths = hashes, checks, lengths
        self.sizes = tuple(int(size) for size in np.flatnonzero(np.bincount(lengths)))
        """The different numbers of words, rising."""
        bits = min(max(_BITS_MIN, len(hashes) * _BITS_A_KEY), _BITS_MAX)
        self._shift = np.uint64(64 - (bits - 1).bit_length())
        self._may_hold = np.zeros(1 << (64 - int(self._shift) - 3), np.uint8)
        place = hashes >> self._shift
        np.bitwise_or.at(self._may_hold, place >> np.uint64(3), _bit(place))

    def __len__(self) -> int:
        return len(self._hashes)

    def find(self, hasher: NgramHasher, n: int) -> tuple[Counts, Counts]:
        """The first words of the windows of n words that are in the set, and which of its n-grams each is."""
        windows = hasher.windows(n)
        place = windows.hashes >> self._shift
        maybe = np.flatnonzero(self._may_hold[place >> np.uint64(3)] & _bit(place))
        hashes, starts = windows.hashes[maybe], windows.starts[maybe]
        found = np.minimum(np.searchsorted(self._hashes, hashes), max(0, len(self) - 1))
        if not len(self):
            return starts[:0], found[:0]
        same = np.flatnonzero(self._hashes[found] == hashes)
        starts, found = starts[same], found[same]
        same = (self._checks[found] == hasher.checks(starts, n)) & (self._lengths[found] == n)
        return starts[same], found[same]


def _bit(place: Keys) -> npt.NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (place & np.uint64(7)).astype(np.uint8))


def covered(starts: Counts, n: int, words: int) -> npt.NDArray[np.bool_]:
    """Which words are inside one of these windows, shape (words,)."""
    marks = np.zeros(words + 1, np.int32)
    np.add.at(marks, starts, 1)
    np.add.at(marks, starts + n, -1)
    return np.cumsum(marks[:-1]) > 0
