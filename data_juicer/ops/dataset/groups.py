"""Rows with equal keys, out of core: who comes first among them, in the order of the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from data_juicer.ops.dataset.distinct import may_repeat
from data_juicer.ops.dataset.scratch import Buckets, Records, Scratch

KEYED: Final = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8")])
"""A 128-bit key and the number of its row."""


class Grouped(msgspec.Struct, frozen=True):
    """Records sorted by key and then by row; shapes (records,)."""

    records: Records
    is_first: npt.NDArray[np.bool_]
    """Whether no record before has the same key."""
    rows_before: int = 0
    """Records of rows before this number were in an earlier group already."""

    @property
    def is_new(self) -> npt.NDArray[np.bool_]:
        """Whether no earlier group had the record."""
        new: npt.NDArray[np.bool_] = self.records["row"] >= self.rows_before
        return new

    @property
    def is_last(self) -> npt.NDArray[np.bool_]:
        """Whether no record after has the same key."""
        return np.append(self.is_first[1:], np.ones(min(1, len(self.is_first)), np.bool_))

    @property
    def first(self) -> npt.NDArray[np.int64]:
        """For each record the row of the first one with its key."""
        starts = np.flatnonzero(self.is_first)
        rows: npt.NDArray[np.int64] = self.records["row"][starts][np.cumsum(self.is_first) - 1]
        return rows


def keyed(high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64], rows: npt.NDArray[Any]) -> Records:
    records = np.empty(len(rows), KEYED)
    records["high"], records["low"], records["row"] = high, low, rows
    return records


def group(records: Records) -> Grouped:
    """Records in any order of keys, those of one key by rising row."""
    ordered = records[np.lexsort((records["low"], records["high"]))]
    high, low = ordered["high"], ordered["low"]
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return Grouped(ordered, is_first)


def grouped(
    parts: Iterable[Records],
    records_expected: int,
    scratch: Scratch,
    kind: npt.DTypeLike = KEYED,
    *,
    shared_only: bool = False,
) -> Iterator[Grouped]:
    """All records of `parts`, which come by rising row, in groups that hold whole keys or the next rows of keys.

    However many rows share a key, a group stays small: of what came before only the first and the last record of each key are
    kept, and come again at the head of their key. Every row is therefore in a group with the first one of its key and with the
    one before it, however much memory there is.

    Args:
        kind: of the records: KEYED, or more fields beside it.
        shared_only: leave out records whose key no other one has, as far as that costs less than to keep them.
    """
    buckets = Buckets(scratch, kind, records_expected)
    for part in parts:
        buckets.add((part["high"] % np.uint64(buckets.count)).astype(np.int64), part)
    for bucket in buckets:
        before, rows_before = np.empty(0, kind), 0
        for chunk, is_last in _with_last(bucket):
            together = np.concatenate([before, chunk])
            if shared_only and is_last:
                together = together[may_repeat(together["high"])]
            groups = group(together)
            yield msgspec.structs.replace(groups, rows_before=rows_before)
            before = groups.records[groups.is_first | groups.is_last]
            rows_before = int(before["row"].max(initial=-1)) + 1


def _with_last(chunks: Iterator[Records]) -> Iterator[tuple[Records, bool]]:
    """Each chunk, and whether it is the last one."""
    before = next(chunks, None)
    while before is not None:
        after = next(chunks, None)
        yield before, after is None
        before = after


def counted(records: Records) -> Records:
    """One record for each key, sorted, with the sum of `row`, which is a count here."""
    if not len(records):
        return records
    groups = group(records)
    counts: Records = groups.records[groups.is_first]
    counts["row"] = np.add.reduceat(groups.records["row"], np.flatnonzero(groups.is_first))
    return counts


def among(wanted: Records, records: Records) -> npt.NDArray[np.bool_]:
    """Which records have a key that is among the wanted ones, which are sorted and distinct; shape (records,)."""
    found = np.zeros(len(records), np.bool_)
    place = np.searchsorted(wanted["high"], records["high"])
    left = np.flatnonzero(place < len(wanted))
    while len(left):  # once, unless two keys share their high half
        at = place[left]
        same = wanted["high"][at] == records["high"][left]
        found[left] |= same & (wanted["low"][at] == records["low"][left])
        place[left] += 1
        left = left[same & (place[left] < len(wanted))]
    return found
