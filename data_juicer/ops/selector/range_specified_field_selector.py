"""Keeps the rows whose numbers in a field are in a range of ranks."""

from __future__ import annotations

from typing import ClassVar

from data_juicer.ops.dataset.selection import check_number, check_share
from data_juicer.ops.selector.topk_specified_field_selector import NumberSelector


class RangeSpecifiedFieldSelector(NumberSelector):
    """Selection by rank range: keeps the rows whose number in a field ranks, ascending, from a lower rank up to an upper one (exclusive).

    A text counts as the number that it says, a list as its mean; rows without a number are before all others, as
    DataJuicer sorts them. Equal numbers are sorted as the rows are. Without a field, or without any bound, every row is kept. Where a percentile and
    a rank are given, the larger counts as lower bound and the smaller as upper bound.

    Args:
        field_key: the field; dots reach into objects, and `__dj__stats__.NAME` is a stat of a filter before.
        lower_percentile: the lower rank as a share of all rows, rounded down.
        upper_percentile: the upper rank likewise.
        lower_rank: counted from 0.
        upper_rank: counted from 0.
    """

    name: ClassVar[str] = "range_specified_field_selector"
    version: ClassVar[int | str] = 2

    def __init__(
        self,
        field_key: str = "",
        lower_percentile: float | None = None,
        upper_percentile: float | None = None,
        lower_rank: int | None = None,
        upper_rank: int | None = None,
    ) -> None:
        """Raises: ValueError."""
        check_share("lower_percentile", lower_percentile)
        check_share("upper_percentile", upper_percentile)
        check_number("lower_rank", lower_rank)
        check_number("upper_rank", upper_rank)
        self.field_key = field_key
        self.lower = (lower_percentile, lower_rank)
        self.upper = (upper_percentile, upper_rank)

    @property
    def keeps_all(self) -> bool:
        return not self.field_key or (*self.lower, *self.upper) == (None,) * 4

    def ranks(self, rows: int) -> tuple[int, int]:
        return max([0, *_ranks(rows, *self.lower)]), min([rows, *_ranks(rows, *self.upper)])


def _ranks(count: int, share: float | None, rank: int | None) -> list[int]:
    return [each for each in (None if share is None else int(count * share), rank) if each is not None]
