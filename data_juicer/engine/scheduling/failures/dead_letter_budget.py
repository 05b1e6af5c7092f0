"""How many rows may be lost before the job is wrong rather than the rows. Pure."""

from __future__ import annotations

import msgspec

ROWS_MIN = 100
"""Of an input of fewer rows nothing can be said."""


class DeadLetterBudget(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters so far, against all rows of the input.

    The bound is broken once it is certain, whatever becomes of the rows that were not reached:

        rows_dead > ratio_max * rows

    with `rows` from the scan. A finished job has reached all of them, so its verdict depends neither on the order in which
    partitions ended nor on their number or size.
    """

    ratio_max: float
    rows: int
    """Of the whole input."""
    rows_dead: int = 0

    def with_dead(self, rows: int) -> DeadLetterBudget:
        """The budget with so many dead letters more."""
        return msgspec.structs.replace(self, rows_dead=self.rows_dead + rows) if rows else self

    @property
    def is_spent(self) -> bool:
        """More rows are dead letters than the job allows."""
        return self.rows >= ROWS_MIN and self.rows_dead > self.rows * self.ratio_max
