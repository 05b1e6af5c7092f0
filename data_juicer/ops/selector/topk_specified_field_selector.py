"""Keeps the rows with the largest or smallest numbers in a field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from data_juicer.ops.dataset.ranks import First, Keys, Mask, ordered_keys
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.ops.dataset.selection import (
    Selector,
    TopSelector,
    keep_where,
    need_field,
    numbers_of,
)
from data_juicer.ops.dataset.summaries import Summaries, row_count

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class NumberSelector(Selector):
    """A selector by the numbers in one field. Rows without a number there are never selected."""

    field_key: str

    def summarise(self, batch: Batch) -> pa.Table:
        if not self.field_key:
            return pa.table({"number": pa.nulls(len(batch), pa.float64())})
        return pa.table({"number": numbers_of(batch, self.field_key)})


def valid_rows(summaries: Summaries) -> Iterator[Mask]:
    """Which rows of each partition have a number."""
    for table in summaries:
        yield table.column("number").combine_chunks().is_valid().to_numpy(zero_copy_only=False)


def keys_of(summaries: Summaries, *, descending: bool) -> Iterator[Keys]:
    """The numbers of each partition's rows that have one, as keys."""
    for table in summaries:
        numbers = table.column("number").combine_chunks().drop_null().to_numpy()
        yield ordered_keys(numbers, descending=descending)


class TopkSpecifiedFieldSelector(TopSelector, NumberSelector):
    """Keeps the rows with the largest numbers in a field, or the smallest; of equal ones the earliest.

    Without a field, or with neither `top_ratio` nor `topk`, every row is kept. With both the smaller one counts.

    Args:
        field_key: the field; dots reach into objects, and `__dj__stats__.NAME` is a figure of a filter before.
        top_ratio: the share of all rows that is kept, rounded down.
        topk: how many rows are kept.
        reverse: the largest; False: the smallest.
    """

    name: ClassVar[str] = "topk_specified_field_selector"

    def select(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        need_field(summaries, sum(int(valid.sum()) for valid in valid_rows(summaries)), self.field_key)
        count = self.how_many(row_count(summaries))
        first = First.of(lambda: keys_of(summaries, descending=self.reverse), count)
        chosen = first.masks(keys_of(summaries, descending=self.reverse))
        return keep_where(valid_rows(summaries), chosen)
