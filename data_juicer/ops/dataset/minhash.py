"""MinHash: the share of equal entries of two signatures is, but for chance, the Jaccard similarity of two sets.

Entry j of a signature is the least of `(a_j * shingle + b_j) mod 2^32`. The constants are made of their number, so that
signatures are the same in every version. A summary keeps 64 bits of each band, by which rows meet, and the low 8 bits of
each entry, by which a meeting is checked: two entries that differ are equal there with a chance of 1/256.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

from data_juicer.kernels.mixing import mixed
from data_juicer.kernels.native import loading
from data_juicer.ops.dataset.shingles import Keys, Shingles

Signatures = npt.NDArray[np.uint32]
Sketches = npt.NDArray[np.uint8]
FOUND_MIN: Final = 0.9
BLOCK: Final = 1 << 16
"""Shingles at a time, of one or many rows: their entries of one permutation stay in the processor's cache."""


def rows_per_band(permutations: int, threshold: float) -> int:
    """Entries of a band: as many as still let two sets at the threshold meet in a band with a chance of FOUND_MIN.

    More make fewer rows meet that are unlike; what meets is compared, so that finding counts for more.
    """
    for rows in range(permutations, 1, -1):
        if 1 - (1 - threshold**rows) ** (permutations // rows) >= FOUND_MIN:
            return rows
    return 1


@cache
def _constants(permutations: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    drawn = [xxhash.xxh3_64_intdigest(number.to_bytes(8, "little")) for number in range(permutations)]
    keys = np.array(drawn, np.uint64)
    odd = (keys >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
    return odd, (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def signatures(shingles: Shingles, permutations: int) -> Signatures:
    """Shape (rows, permutations)."""
    factors, shifts = _constants(permutations)
    if loading.functions is not None:
        made = np.empty((len(shingles.offsets) - 1, permutations), np.uint32)
        loading.functions.minhashes(shingles.keys, shingles.offsets, factors, shifts, made)
        return made
    high = (shingles.keys >> np.uint64(32)).astype(np.uint32)
    found = np.full((permutations, len(shingles.offsets) - 1), 0xFFFFFFFF, np.uint32)
    room = np.empty(min(BLOCK, len(high)), np.uint32)
    for begin in range(0, len(high), BLOCK):
        part = high[begin : begin + BLOCK]
        entries = room[: len(part)]
        first = int(np.searchsorted(shingles.offsets, begin, side="right")) - 1
        stop = int(np.searchsorted(shingles.offsets, begin + len(part)))
        starts = np.maximum(shingles.offsets[first:stop], begin) - begin
        for least, factor, shift in zip(found[:, first:stop], factors, shifts, strict=True):
            np.multiply(part, factor, out=entries)
            np.add(entries, shift, out=entries)
            np.minimum(least, np.minimum.reduceat(entries, starts), out=least)
    return np.ascontiguousarray(found.T)


def band_keys(found: Signatures, bands: int, rows: int) -> list[Keys]:
    """For each band a key of its entries, shape (rows of `found`,)."""
    keys = []
    for band in range(bands):
        key = np.full(len(found), band, np.uint64)
        for entry in found[:, band * rows : (band + 1) * rows].T:
            key = mixed(key ^ (entry.astype(np.uint64) << np.uint64(8)))
        keys.append(key)
    return keys


def sketches(found: Signatures) -> Sketches:
    """The low 8 bits of each entry."""
    return (found & np.uint32(0xFF)).astype(np.uint8)


def similarity(one: Sketches, other: Sketches) -> npt.NDArray[np.float32]:
    """The Jaccard similarity that two sketches tell of, pair by pair, shape (pairs,)."""
    equal = (one == other).mean(axis=1)
    by_chance = 1 / 256
    alike: npt.NDArray[np.float32] = np.clip((equal - by_chance) / (1 - by_chance), 0, 1).astype(np.float32)
    return alike
