"""Rows that are alike, out of core: pairs that meet are compared, and what hangs together keeps its earliest row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from data_juicer.ops.dataset.distinct import distinct
from data_juicer.ops.dataset.groups import Grouped
from data_juicer.ops.dataset.pairs.components import components
from data_juicer.ops.dataset.scratch import Buckets, Records, RowFile, Scratch
from data_juicer.ops.dataset.summaries import Numbers

PAIR: Final = np.dtype([("one", "<i8"), ("other", "<i8")])
"""Numbers of two rows, the earlier one first."""
Alike = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""Similarity of two blocks of sketches, pair by pair."""


def pairs_of(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> Records:
    pairs = np.empty(len(one), PAIR)
    pairs["one"], pairs["other"] = np.minimum(one, other), np.maximum(one, other)
    return pairs


def distinct_pairs(pairs: Records) -> Records:
    """Each pair once, by rising rows."""
    one, other = pairs["one"], pairs["other"]
    if len(pairs) and int(other.max()) < 1 << 32:
        packed = distinct(one.astype(np.uint64) << np.uint64(32) | other.astype(np.uint64))
        found = np.empty(len(packed), PAIR)
        found["one"], found["other"] = packed >> np.uint64(32), packed & np.uint64((1 << 32) - 1)
        return found
    ordered = pairs[np.lexsort((other, one))]
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    each_once: Records = ordered[is_first]
    return each_once


def with_own_rows(pairs: Records, own_rows_begin: int) -> Records:
    """The pairs that are not of two known rows (`Summaries.known`), which both stay whatever they are like."""
    return pairs[pairs["other"] >= own_rows_begin] if own_rows_begin else pairs


def meetings(group: Grouped) -> Records:
    """Each row with the first one of its key and with the one before it."""
    later = np.flatnonzero(~group.is_first)
    rows = group.records["row"]
    first, before, own = group.first[later], rows[later - 1], rows[later]
    distinct = before != first
    return pairs_of(np.concatenate([first, before[distinct]]), np.concatenate([own, own[distinct]]))


class Pairs:
    """Pairs of rows, each given once in a chunk however often it was added."""

    def __init__(self, scratch: Scratch, rows: int) -> None:
        self._rows = max(1, rows)
        self._buckets = Buckets(scratch, PAIR, 2 * rows)

    def add(self, pairs: Records) -> None:
        self._buckets.add(pairs["other"] * self._buckets.count // self._rows, pairs)

    def __iter__(self) -> Iterator[Records]:
        """Sorted chunks."""
        for bucket in self._buckets:
            for chunk in bucket:
                yield distinct_pairs(chunk)


class _Chunks:
    """All chunks of all buckets, as often as wanted."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def __iter__(self) -> Iterator[Records]:
        for bucket in self._buckets:
            yield from bucket


class Clusters:
    """What pairs come to, once they are compared."""

    def __init__(self, scratch: Scratch, rows: int, candidates: Pairs, width: int, alike: Alike) -> None:
        """
        Args:
            width: bytes of the sketch of a row.
        """
        self._scratch = scratch
        self._alike = alike
        self._width = width
        self._candidates = candidates
        self._place = scratch.zeros(rows, np.int64)
        """Of a row that is in a pair, its number among those."""
        self._sketches = RowFile(scratch, width)
        self._row = self._rows_in_pairs(rows)

    def _rows_in_pairs(self, rows: int) -> Records:
        met = self._scratch.zeros(rows, np.bool_)
        for pairs in self._candidates:
            met[pairs["one"]] = True
            met[pairs["other"]] = True
        count = sum(int(met[start:stop].sum()) for start, stop in self._scratch.spans(rows, 8))
        row, done = self._scratch.zeros(count, np.int64), 0
        self._met = met
        for start, stop in self._scratch.spans(rows, 16):
            found = np.flatnonzero(met[start:stop]) + start
            row[done : done + len(found)] = found
            self._place[found] = np.arange(done, done + len(found))
            done += len(found)
        return row

    def add_sketches(self, first: int, sketches: npt.NDArray[np.uint8]) -> None:
        """The sketches of rows from `first` on, in the order of the input; those in no pair are not kept."""
        self._sketches.append(sketches[self._met[first : first + len(sketches)]])

    def keep(self, least: float, ranks: Numbers | None = None) -> tuple[Numbers, npt.NDArray[np.float32]]:
        """For each row the one that stays for it, and how alike the two are.

        Args:
            least: the similarity from which a pair counts.
            ranks: of each row, the lowest of those that hang together stays; None: the earliest does.
        """
        edges = Buckets(self._scratch, PAIR, 0)
        by_place = None if ranks is None else self._ranks_of_places(ranks)
        for pairs in self._candidates:
            for part in self._parts(pairs):
                positions = pairs_of(self._place[part["one"]], self._place[part["other"]])
                edges.add(np.zeros(len(part), np.int64), positions[self._similarity(positions) >= least])
        label = components(_Chunks(edges), len(self._row), self._scratch, by_place)
        kept = self._scratch.numbers(len(self._place))
        similarity = self._scratch.zeros(len(self._place), np.float32)
        for start, stop in self._scratch.spans(len(self._row), 2 * self._width + 64):
            own, root = np.arange(start, stop), np.asarray(label[start:stop])
            rows = self._row[start:stop]
            kept[rows] = self._row[root]
            moved = own != root
            similarity[rows[moved]] = self._similarity(pairs_of(root[moved], own[moved]))
        return kept, similarity

    def _ranks_of_places(self, ranks: Numbers) -> Numbers:
        by_place: Numbers = self._scratch.zeros(len(self._row), np.int64)
        for start, stop in self._scratch.spans(len(self._row), 24):
            by_place[start:stop] = ranks[self._row[start:stop]]
        return by_place

    def _parts(self, pairs: Records) -> Iterator[Records]:
        for start, stop in self._scratch.spans(len(pairs), 4 * self._width):
            yield pairs[start:stop]

    def _similarity(self, positions: Records) -> npt.NDArray[np.float32]:
        return self._alike(self._sketches.take(positions["one"]), self._sketches.take(positions["other"]))
