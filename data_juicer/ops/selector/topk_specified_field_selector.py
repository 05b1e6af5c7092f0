"""Keeps the rows with the largest or smallest numbers in a field."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.ops.dataset.ranks.digits import Words, ordered_words
from data_juicer.ops.dataset.ranks.selectors import RankSelector
from data_juicer.ops.dataset.selection import TopSelector, numbers_of

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


NEVER_FIRST: Final = float(sys.maxsize)
"""DataJuicer's number for a row without one, with the sign that makes it the last."""


class NumberSelector(RankSelector):
    """A selector by the numbers in one field: a text counts as the number that it says, a list as its mean."""

    @property
    def descending(self) -> bool:
        """Whether the largest come first."""
        return False

    @property
    def without(self) -> float:
        """What counts as the number of a row that has none: it comes first in ascending order, as DataJuicer sorts it."""
        return -NEVER_FIRST

    def summarise(self, batch: Batch) -> pa.Table:
        if not self.field_key:
            return pa.table({"number": pa.nulls(len(batch), pa.float64())})
        return pa.table({"number": numbers_of(batch, self.field_key)})

    def valued(self, summary: pa.Table) -> int:
        return int(summary.num_rows - summary.column("number").null_count)

    def words(self, summary: pa.Table, first: int) -> Words:
        numbers = pc.fill_null(summary.column("number").combine_chunks(), self.without)
        return ordered_words(numbers.to_numpy(), descending=self.descending)


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

    @property
    def descending(self) -> bool:
        return self.reverse

    @property
    def without(self) -> float:
        """It comes last in either order."""
        return -NEVER_FIRST if self.reverse else NEVER_FIRST

    def ranks(self, rows: int) -> tuple[int, int]:
        return 0, self.how_many(rows)
