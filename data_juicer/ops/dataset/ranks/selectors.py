"""Selectors by rank: each row has a key, and those with keys from one rank up to another stay.

What decides is the number of rows before a key, so that any part of all rows can be counted by itself
(`engine/worker/shared/resolve/ranks.py`), or all at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from data_juicer.ops.dataset.decisions import KEEP
from data_juicer.ops.dataset.ranks.bound import Bound
from data_juicer.ops.dataset.ranks.digits import (
    Digits,
    Words,
    digits_of,
    find_bound,
    is_within,
    row_digits,
)
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.ops.dataset.selection import Selector, keep_all, need_field
from data_juicer.ops.dataset.summaries import Summaries, numbered, row_count
from data_juicer.ops.dataset.text_hash import row_numbers


class RankSelector(Selector):
    """Keeps the rows whose ranks, in the order of their words and then of the input, are in a range."""

    field_key: str = ""
    """Where the numbers come from; empty: from no field."""

    @abstractmethod
    def ranks(self, rows: int) -> tuple[int, int]:
        """From which rank on and up to which one (exclusive) the rows of so many stay."""

    @abstractmethod
    def words(self, summary: pa.Table, first: int) -> Words:
        """By what the rows of a partition are ordered, shape (rows,).

        Args:
            first: the number of the first of them.
        """

    @property
    def keeps_all(self) -> bool:
        """Whether there is nothing to decide by."""
        return False

    def valued(self, summary: pa.Table) -> int:
        """How many rows have a value to be ordered by."""
        return int(summary.num_rows)

    def bounds(self, rows: int) -> tuple[Bound, ...]:
        """Of the rows that do not stay since they come before, and of those with the ones that stay; to be found."""
        return tuple(Bound.first(rank, rows) for rank in self.ranks(rows))

    def keys(self, summary: pa.Table, first: int, rows: int) -> Digits:
        """
        Args:
            first: the number of the first row of the partition.
            rows: how many rows all partitions have.
        """
        numbers = digits_of(row_numbers(first, summary.num_rows), row_digits(rows))
        return np.hstack([digits_of(self.words(summary, first)), numbers])

    def keep(self, keys: Digits, bounds: tuple[Bound, ...]) -> pa.Table:
        """Decisions about the rows with these keys; the bounds are found."""
        before, until = bounds
        return pa.table({KEEP: pa.array(is_within(keys, until) & ~is_within(keys, before))})

    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        """Raises: OperatorError: no row has such a field."""
        if self.keeps_all:
            yield from keep_all(summaries.rows)
            return
        rows = row_count(summaries)
        if self.field_key:
            need_field(rows, sum(map(self.valued, summaries)), self.field_key)

        def keys() -> Iterator[Digits]:
            for first, table in numbered(summaries):
                yield self.keys(table, first, rows)

        bounds = tuple(find_bound(keys, bound) for bound in self.bounds(rows))
        for part in keys():
            yield self.keep(part, bounds)
