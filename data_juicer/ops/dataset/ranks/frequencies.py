"""Selectors by frequency: values are counted, and the rows that have one of the first so many of them stay.

Values are shared out by their hashes, rows by partitions: each share counts its own values, and tells which rows have one that
was chosen (`engine/worker/shared/resolve/frequencies.py`); or all of it is done at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from data_juicer.ops.dataset.decisions import selection
from data_juicer.ops.dataset.groups import KEYED, among, group, keyed
from data_juicer.ops.dataset.key_share import ALL_KEYS, KeyShare
from data_juicer.ops.dataset.ranks.bound import Bound
from data_juicer.ops.dataset.ranks.digits import Digits, digits_of, find_bound, is_within, row_digits
from data_juicer.ops.dataset.scratch import Buckets, Records, Scratch
from data_juicer.ops.dataset.selection import TopSelector, keep_all, need_field
from data_juicer.ops.dataset.summaries import Numbers, Summaries, numbered, row_count
from data_juicer.ops.dataset.text_hash import halves, row_numbers

VALUE: Final = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8"), ("count", "<i8")])
"""A value by its hash, its first row, and how many rows have it."""


class FrequencySelector(TopSelector):
    """Keeps the rows with the first so many values, by how frequent they are and then by their first rows.

    Summaries have a column `value`, a hash; null: the row has none and is not kept.
    """

    def values(self, summaries: Summaries, scratch: Scratch, share: KeyShare = ALL_KEYS) -> Iterator[Records]:
        """The values of a share (VALUE), each once."""
        spread = _spread(summaries, scratch, share)
        for number in range(spread.count):
            yield _values(spread.chunks(number))

    def bound(self, values: int, rows: int) -> Bound:
        """Of those that are chosen, to be found.

        Args:
            values: how many there are.
        Raises: OperatorError: no row has one.
        """
        need_field(rows, values, self.field_key)
        return Bound.first(self.how_many(values), values)

    def keys(self, values: Records, rows: int) -> Digits:
        """By what they are ordered.

        Args:
            rows: how many rows all partitions have.
        """
        count, digits = values["count"].astype(np.uint64), row_digits(rows)
        frequency = digits_of(~count if self.reverse else count, digits)
        return np.hstack([frequency, digits_of(values["row"], digits)])

    def chosen_rows(
        self, summaries: Summaries, scratch: Scratch, bound: Bound, share: KeyShare = ALL_KEYS
    ) -> Iterator[Numbers]:
        """The rows that have one of the chosen values of a share, in chunks in no order; the bound is found."""
        spread, rows = _spread(summaries, scratch, share), row_count(summaries)
        for number in range(spread.count):
            values = _values(spread.chunks(number))
            chosen = values[is_within(self.keys(values, rows), bound)]
            for chunk in spread.chunks(number):
                yield chunk["row"][among(chosen, chunk)]

    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        """Raises: OperatorError: no row has such a field."""
        if self.keeps_all:
            return keep_all(summaries.rows)
        rows, distinct = row_count(summaries), Buckets(scratch, VALUE)
        for values in self.values(summaries, scratch):
            distinct.add(np.zeros(len(values), np.int64), values)
        bound = self.bound(sum(map(len, distinct.chunks(0))), rows)
        bound = find_bound(lambda: (self.keys(values, rows) for values in distinct.chunks(0)), bound)
        keep = scratch.zeros(rows, np.bool_)
        for chosen in self.chosen_rows(summaries, scratch, bound):
            keep[chosen] = True
        return selection(summaries, keep)


def _spread(summaries: Summaries, scratch: Scratch, share: KeyShare) -> Buckets:
    """The rows that have a value of the share, by hash."""
    spread = Buckets(scratch, KEYED, row_count(summaries) // share.of)
    for first, table in numbered(summaries):
        column = table.column("value").combine_chunks()
        rows = row_numbers(first, len(column))[column.is_valid().to_numpy(zero_copy_only=False)]
        records = keyed(*halves(column.drop_null()), rows)
        part = records[share.holds(records["low"])]
        spread.add((part["high"] % np.uint64(spread.count)).astype(np.int64), part)
    return spread


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
