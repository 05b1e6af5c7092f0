"""Mixing of 64-bit keys, so that every bit of the result depends on every bit of the key. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, made odd (Knuth, The Art of Computer Programming 3, 6.4)."""
MIX: Final = np.uint64(0xBF58476D1CE4E5B9)
"""The first multiplier of SplitMix64 (Steele, Lea and Flood 2014)."""


def mixed(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Keys whose every bit depends on every bit; different keys stay different."""
    keys = (keys ^ (keys >> np.uint64(31))) * SPREAD
    keys = (keys ^ (keys >> np.uint64(29))) * MIX
    return keys ^ (keys >> np.uint64(32))
