"""Which values of a key a part of the work looks at."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt


class KeyShare(msgspec.Struct, frozen=True):
    """One of `of` equal parts of all 64-bit keys, by their upper halves."""

    number: int = 0
    of: int = 1

    def holds(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_] | slice:
        """Which keys are in it, as an index; the keys must be hashes."""
        if self.of == 1:
            return slice(None)
        mine: npt.NDArray[np.bool_] = (keys >> np.uint64(32)) % np.uint64(self.of) == np.uint64(self.number)
        return mine


ALL_KEYS: Final = KeyShare()
