"""SimHash: 64 bits of which texts with many shingles in common share most."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from data_juicer.ops.dataset.clusters import PAIR, pairs_of
from data_juicer.ops.dataset.scratch import Records
from data_juicer.ops.dataset.shingles import Keys, Shingles

BITS: Final = 64
VALUED: Final = np.dtype([("key", "<u8"), ("value", "<u8"), ("row", "<i8")])
BLOCK: Final = 1 << 14


def simhashes(shingles: Shingles) -> Keys:
    """Bit j of a hash is the one that more of the row's shingles have at j; 0 where as many have the other."""
    found = np.empty(len(shingles.offsets) - 1, np.uint64)
    weights = np.uint64(1) << np.arange(BITS, dtype=np.uint64)
    for row, (start, stop) in enumerate(pairwise(shingles.offsets.tolist())):
        ones = np.zeros(BITS, np.int64)
        for begin in range(start, stop, BLOCK):
            part = shingles.keys[begin : min(begin + BLOCK, stop)]
            bits = np.unpackbits(part.astype("<u8").view(np.uint8), bitorder="little").reshape(-1, BITS)
            ones += bits.sum(axis=0, dtype=np.int64)
        found[row] = weights[2 * ones > stop - start].sum(dtype=np.uint64)
    return found


def block_masks(blocks: int, distance: int) -> list[np.uint64]:
    """Masks of which one at least covers equal bits of any two hashes that differ in at most `distance` bits.

    The bits are cut into blocks. So many differing bits spoil at most as many blocks, and the others are equal.
    """
    borders = [BITS * number // blocks for number in range(blocks + 1)]
    spans = [((1 << stop) - 1) ^ ((1 << start) - 1) for start, stop in pairwise(borders)]
    chosen = combinations(spans, blocks - distance)
    return [np.uint64(sum(spans)) for spans in chosen]


def near(records: Records, distance: int) -> Iterator[Records]:
    """Pairs of rows with one key whose values differ in at most `distance` bits."""
    ordered = records[np.lexsort((records["row"], records["key"]))]
    key, value, row = ordered["key"], ordered["value"], ordered["row"]
    places: npt.NDArray[np.int64] = np.arange(len(ordered))
    step = 0
    while len(places):
        step += 1
        places = places[places + step < len(ordered)]
        places = places[key[places] == key[places + step]]
        close = np.bitwise_count(value[places] ^ value[places + step]) <= distance
        if close.any():
            yield pairs_of(row[places[close]], row[places[close] + step])
    if not step:
        yield np.empty(0, PAIR)
