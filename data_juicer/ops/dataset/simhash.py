"""SimHash: 64 bits of which texts with many shingles in common share most."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from data_juicer.kernels.characters.codepoints import Counts
from data_juicer.kernels.native import loading
from data_juicer.ops.dataset.pairs.clusters import PAIR, pairs_of
from data_juicer.ops.dataset.scratch import Records
from data_juicer.ops.dataset.shingles import Keys, Shingles

BITS: Final = 64
VALUED: Final = np.dtype([("key", "<u8"), ("value", "<u8"), ("row", "<i8")])


def simhashes(shingles: Shingles) -> Keys:
    """Bit j of a hash is the one that more of the row's shingles have at j; 0 where as many have the other."""
    if loading.functions is not None:
        hashes = np.empty(len(shingles.offsets) - 1, np.uint64)
        loading.functions.simhashes(shingles.keys, shingles.offsets, hashes)
        return hashes
    rows = np.diff(shingles.offsets)
    return _exceeds(_count_bits(shingles.keys, rows), (rows // 2).astype(np.uint64))


def _count_bits(keys: Keys, counts: Counts) -> list[Keys]:
    """How many keys of each row have bit j: bit j of plane k is bit k of that count. Each plane has shape (rows,).

    The bits of all positions are added at once, as in a carry-save adder: of three keys, bit j of their sum stays and
    bit j of their carry counts twice (Harley and Seal; Warren, Hacker's Delight, 5-1).
    """
    planes = []
    while len(keys):
        carries: list[tuple[Keys, Counts]] = []
        while counts.max() > 1:
            threes = -(-counts // 3)
            padded = np.zeros(3 * int(threes.sum()), np.uint64)
            padded[_places(3 * threes, counts)] = keys
            one, two, three = padded[0::3], padded[1::3], padded[2::3]
            odd = one ^ two
            keys, counts = odd ^ three, threes
            carries.append(((one & two) | (odd & three), threes))
        plane = np.zeros(len(counts), np.uint64)
        plane[counts > 0] = keys
        planes.append(plane)
        keys, counts = _joined(carries, len(counts))
    return planes


def _joined(carries: list[tuple[Keys, Counts]], rows: int) -> tuple[Keys, Counts]:
    """The keys of several ragged columns, row by row, and how many each row has; none where none is left."""
    total = sum((counts for _, counts in carries), np.zeros(rows, np.int64))
    joined = np.empty(int(total.sum()), np.uint64)
    before = np.zeros(rows, np.int64)
    for keys, counts in carries:
        joined[_places(total, counts, before)] = keys
        before += counts
    return joined, total


def _places(room: Counts, counts: Counts, before: Counts | int = 0) -> Counts:
    """Where the values of a ragged column go if each row has room for `room` values and `before` are there already."""
    starts = np.cumsum(room) - room + before
    return np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


def _exceeds(planes: list[Keys], bounds: Keys) -> Keys:
    """Bit j of row r: whether count j of the row is above its bound."""
    every = np.uint64((1 << BITS) - 1)
    above = np.zeros(len(bounds), np.uint64)
    equal = np.full(len(bounds), every)
    for number in reversed(range(max(len(planes), int(bounds.max(initial=0)).bit_length()))):
        plane = planes[number] if number < len(planes) else np.zeros(len(bounds), np.uint64)
        bound = np.where((bounds >> np.uint64(number)) & np.uint64(1), every, np.uint64(0))
        above |= equal & plane & ~bound
        equal &= ~(plane ^ bound)
    return above


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
    positions: npt.NDArray[np.int64] = np.arange(len(ordered))
    step = 0
    while len(positions):
        step += 1
        positions = positions[positions + step < len(ordered)]
        positions = positions[key[positions] == key[positions + step]]
        close = np.bitwise_count(value[positions] ^ value[positions + step]) <= distance
        if close.any():
            yield pairs_of(row[positions[close]], row[positions[close] + step])
    if not step:
        yield np.empty(0, PAIR)
