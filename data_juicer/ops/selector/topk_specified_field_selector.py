"""Keeps the rows with the largest or smallest numbers in a field."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.ops.dataset.ranks import First, Keys, ordered_keys
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.ops.dataset.selection import (
    Selector,
    TopSelector,
    keep_masked,
    need_field,
    numbers_of,
)
from data_juicer.ops.dataset.summaries import Summaries, row_count

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


NEVER_FIRST: Final = float(sys.maxsize)
"""DataJuicer's number for a row without one, with the sign that makes it the last."""


class NumberSelector(Selector):
    """A selector by the numbers in one field: a text counts as the number that it says, a list as its mean.

    Rows without a number are neither first nor last by chance: `keys_of` says where they stand.
    """

    field_key: str

    def summarise(self, batch: Batch) -> pa.Table:
        if not self.field_key:
            return pa.table({"number": pa.nulls(len(batch), pa.float64())})
        return pa.table({"number": numbers_of(batch, self.field_key)})


def valid_count(summaries: Summaries) -> int:
    """How many rows have a number."""
    return sum(table.num_rows - table.column("number").null_count for table in summaries)


def keys_of(summaries: Summaries, *, descending: bool, without: float) -> Iterator[Keys]:
    """The numbers of each partition's rows as keys.

    Args:
        without: what counts as the number of a row that has none.
    """
    for table in summaries:
        numbers = pc.fill_null(table.column("number").combine_chunks(), without)
        yield ordered_keys(numbers.to_numpy(), descending=descending)


class TopkSpecifiedFieldSelector(TopSelector, NumberSelector):
    """Top-k selection: keeps the rows with the largest (or smallest) numbers in a field; among equal ones the earliest wins.

    A text counts as the number that it says, a list as its mean; rows without a number come last.

    Without a field, or with neither `top_ratio` nor `topk`, every row is kept. With both the smaller one counts.

    Args:
        field_key: the field; dots reach into objects, and `__dj__stats__.NAME` is a stat of a filter before.
        top_ratio: the share of all rows that is kept, rounded down.
        topk: how many rows are kept.
        reverse: the largest; False: the smallest.
    """

    name: ClassVar[str] = "topk_specified_field_selector"
    version: ClassVar[int | str] = 2

    def select(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        need_field(summaries, valid_count(summaries), self.field_key)
        count = self.how_many(row_count(summaries))
        first = First.of(lambda: self._keys(summaries), count)
        return keep_masked(first.masks(self._keys(summaries)))

    def _keys(self, summaries: Summaries) -> Iterator[Keys]:
        return keys_of(summaries, descending=self.reverse, without=NEVER_FIRST * (-1 if self.reverse else 1))
