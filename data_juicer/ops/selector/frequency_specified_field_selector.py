"""Keeps the rows with the most or least frequent values in a field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import pyarrow as pa
import xxhash

from data_juicer.ops.dataset.decisions import selection
from data_juicer.ops.dataset.groups import KEYED, among, group, keyed
from data_juicer.ops.dataset.ranks import First, Keys
from data_juicer.ops.dataset.scratch import Buckets, Records, Scratch
from data_juicer.ops.dataset.selection import (
    TopSelector,
    column_of,
    need_field,
)
from data_juicer.ops.dataset.summaries import Summaries, numbered, row_count
from data_juicer.ops.dataset.text_hash import HASH, halves, row_numbers
from data_juicer.rows import json_values

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

VALUE: Final = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8"), ("count", "<i8")])
"""A value by its hash, its first row, and how many rows have it."""


class FrequencySpecifiedFieldSelector(TopSelector):
    """Selection by value frequency: keeps the rows with the most (or least) frequent values of a field; among equally frequent values the first wins.

    Rows without a value are never selected. Without a field, or with neither `top_ratio` nor `topk`, every row is kept. With
    both the smaller one counts.

    Args:
        field_key: the field; dots reach into objects, and `__dj__stats__.NAME` is a stat of a filter before.
        top_ratio: the share of values that is kept, rounded down.
        topk: how many values are kept.
        reverse: the most frequent; False: the least.
    """

    name: ClassVar[str] = "frequency_specified_field_selector"

    def summarise(self, batch: Batch) -> pa.Table:
        column = column_of(batch, self.field_key) if self.field_key else [None] * len(batch)
        hashed = [None if value is None else _digest(value) for value in column]
        return pa.table({"value": pa.array(hashed, HASH)})

    def select(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        rows = row_count(summaries)
        spread, distinct = Buckets(scratch, KEYED, rows), Buckets(scratch, VALUE, 0)
        for part in _keyed(summaries):
            spread.add((part["high"] % np.uint64(spread.count)).astype(np.int64), part)
        for number in range(spread.count):
            found = _values(spread.chunks(number))
            distinct.add(np.zeros(len(found), np.int64), found)
        total = sum(len(part) for part in distinct.chunks(0))
        need_field(summaries, total, self.field_key)
        chosen = _Chosen(distinct, self.how_many(total), descending=self.reverse)
        keep = scratch.zeros(rows, np.bool_)
        for number in range(spread.count):
            wanted = chosen.among(_values(spread.chunks(number)))
            for chunk in spread.chunks(number):
                keep[chunk["row"][among(wanted, chunk)]] = True
        return selection(summaries, keep)


class _Chosen:
    """The first so many values by how frequent they are, then by their first rows."""

    def __init__(self, distinct: Buckets, count: int, *, descending: bool) -> None:
        self._descending = descending
        self._by_count = First.of(lambda: map(self._frequency, distinct.chunks(0)), count)
        self._by_row = First.of(lambda: map(self._tied_rows, distinct.chunks(0)), self._by_count.ties)

    def among(self, found: Records) -> Records:
        """Those of some values that are chosen, in their order."""
        frequency, row = self._frequency(found), found["row"].astype(np.uint64)
        is_tie = frequency == self._by_count.bound
        within = (row < self._by_row.bound) | (row == self._by_row.bound) & (self._by_row.ties > 0)
        chosen: Records = found[(frequency < self._by_count.bound) | (is_tie & within)]
        return chosen

    def _frequency(self, found: Records) -> Keys:
        count: Keys = found["count"].astype(np.uint64)
        return ~count if self._descending else count

    def _tied_rows(self, found: Records) -> Keys:
        rows: Keys = found["row"][self._frequency(found) == self._by_count.bound].astype(np.uint64)
        return rows


def _keyed(summaries: Summaries) -> Iterator[Records]:
    """The rows that have a value."""
    for first, table in numbered(summaries):
        column = table.column("value").combine_chunks()
        rows = row_numbers(first, len(column))[column.is_valid().to_numpy(zero_copy_only=False)]
        yield keyed(*halves(column.drop_null()), rows)


def _values(chunks: Iterable[Records]) -> Records:
    """The values of a bucket, sorted."""
    values = np.empty(0, VALUE)
    for chunk in chunks:
        part = np.empty(len(chunk), VALUE)
        part["count"] = 1
        for name in KEYED.names or ():
            part[name] = chunk[name]
        together = group(np.concatenate([values, part]))
        values = together.records[together.is_first]
        if len(values):
            starts = np.flatnonzero(together.is_first)
            values["count"] = np.add.reduceat(together.records["count"], starts)
    return values


def _digest(value: object) -> bytes:
    return xxhash.xxh3_128_digest(json_values.encode(value))
