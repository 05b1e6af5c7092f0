"""Which of many known rows may meet one of the rows at hand, decided by a Bloom filter: none that does is missed.

An index is a hundred times larger than what is compared with it, and few of its rows share a key with any new row. The others
cannot change a decision, and are left out before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from data_juicer.kernels.mixing import mixed

Keys = npt.NDArray[np.uint64]

BITS_A_KEY: Final = 16
"""With three probes one of two hundred keys is taken for another one (Bloom 1970: (1 - e^(-3/16))^3 = 0.5 %)."""
_PROBES: Final = 3


class KeyFilter:
    def __init__(self, keys: int, memory_bytes: int) -> None:
        """
        Args:
            keys: how many will be added.
            memory_bytes: what the filter may take at most; in less room than it would like, more rows pass for nothing.
        """
        wanted = max(1 << 10, keys * BITS_A_KEY)
        room = max(1 << 10, memory_bytes * 8)
        self._bits = min(1 << (wanted - 1).bit_length(), 1 << (room.bit_length() - 1))
        self._slots: npt.NDArray[np.uint8] = np.zeros(self._bits // 8, np.uint8)

    def add(self, keys: Keys) -> None:
        for place in self._places(keys):
            np.bitwise_or.at(self._slots, place >> np.uint64(3), _bit(place))

    def may_hold(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Shape (keys,); true of every key that was added."""
        found = np.ones(len(keys), np.bool_)
        for place in self._places(keys):
            found &= (self._slots[place >> np.uint64(3)] & _bit(place)) != 0
        return found

    def may_meet(self, keys: Iterable[Keys], rows: int) -> npt.NDArray[np.bool_]:
        """Of rows with several keys each: whether one of them may have been added. Shape (rows,)."""
        found = np.zeros(rows, np.bool_)
        for each in keys:
            found |= self.may_hold(each)
        return found

    def _places(self, keys: Keys) -> Iterator[Keys]:
        last = np.uint64(self._bits - 1)
        hashed = keys
        for _ in range(_PROBES):
            hashed = mixed(hashed)
            yield hashed & last


def _bit(place: Keys) -> npt.NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (place & np.uint64(7)).astype(np.uint8))
