"""The first rows of an order, in little memory however many there are: by counting, not by sorting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
DIGIT_BITS: Final = 16


def ordered_keys(numbers: npt.NDArray[np.float64], *, descending: bool = False) -> Keys:
    """Keys that rise as the numbers do, or fall; 0 and -0 are the same."""
    bits = (numbers + 0.0).view(np.uint64)
    sign = np.uint64(1 << 63)
    keys = np.where(bits & sign, ~bits, bits | sign)
    return ~keys if descending else keys


class First(msgspec.Struct, frozen=True):
    """The first so many of all keys: those below `bound`, and the first `ties` of those that are equal to it."""

    bound: np.uint64
    ties: int

    @staticmethod
    def of(keys: Callable[[], Iterable[Keys]], count: int) -> First:
        """
        Args:
            keys: all keys in parts, gone through four times.
            count: how many; more than there are means all.
        """
        bound, left = 0, count
        for shift in (48, 32, 16, 0):
            counts = np.zeros(1 << DIGIT_BITS, np.int64)
            for part in keys():
                same = part[part >> np.uint64(shift) >> np.uint64(DIGIT_BITS) == np.uint64(bound)]
                digits = (same >> np.uint64(shift)) & np.uint64((1 << DIGIT_BITS) - 1)
                counts += np.bincount(digits.astype(np.int64), minlength=len(counts))
            below = np.cumsum(counts)
            digit = min(int(np.searchsorted(below, left)), len(counts) - 1)
            left -= int(below[digit - 1]) if digit else 0
            bound = bound << DIGIT_BITS | digit
        return First(np.uint64(bound), left)

    def masks(self, keys: Iterable[Keys]) -> Iterator[Mask]:
        """Which keys are among the first, part by part in the order of the input."""
        ties = self.ties
        for part in keys:
            is_tie = part == self.bound
            chosen = (part < self.bound) | (is_tie & (np.cumsum(is_tie) <= ties))
            ties -= min(ties, int(is_tie.sum()))
            yield chosen
