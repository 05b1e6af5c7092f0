"""How one operator is given the rows of a partition: all at once, or with the care that lost workers call for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data_juicer.engine.protocol.messages import Care, OperatorRow, TakenOut
from data_juicer.engine.worker.row_isolation import FailedRow, Span
from data_juicer.errors import WorkerLostError
from data_juicer.rows.batch import Batch

Announce = Callable[[OperatorRow, int, bool], None]
"""Told the first row, how many, and whether it is a suspect alone, before an operator is given them."""


def tell_nobody(_first: OperatorRow, _rows: int, _alone: bool) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Of one operator in one attempt. Rows are counted over all batches of the partition."""

    operator_index: int
    row_by_row: bool = False
    first: OperatorRow | None = None
    take_out: Mapping[int, TakenOut] = field(default_factory=dict)
    announce: Announce = tell_nobody

    @staticmethod
    def of(care: Care, operator_index: int, announce: Announce) -> Handling:
        first = care.first
        return Handling(
            operator_index=operator_index,
            row_by_row=operator_index in care.row_by_row,
            first=first if first and first.operator_index == operator_index else None,
            take_out={
                taken.row.row: taken for taken in care.take_out if taken.row.operator_index == operator_index
            },
            announce=announce,
        )

    def find_first(self, batches: Sequence[Batch]) -> Batch | None:
        """The row that is to be tried alone, if it still is the row that was meant."""
        start = 0
        for batch in batches:
            row = self.first.row - start if self.first else -1
            if 0 <= row < len(batch) and self._row(batch, start, row) == self.first:
                return batch.take(np.array([row], dtype=np.int32))
            start += len(batch)
        return None

    def taken_out(self, batch: Batch, start: int) -> list[FailedRow]:
        """Rows of a batch, the first of which is row `start`, that the operator must not be given again."""
        return [
            FailedRow(row - start, WorkerLostError(taken.reason))
            for row, taken in sorted(self.take_out.items())
            if 0 <= row - start < len(batch) and self._row(batch, start, row - start) == taken.row
        ]

    def spans(self, rows: int, taken: Sequence[FailedRow]) -> list[Span] | None:
        """What of a batch the operator is given at once; None: the whole."""
        if not self.row_by_row and not taken:
            return None
        left_out = {failed.row for failed in taken}
        return [(row, row + 1) for row in range(rows) if row not in left_out]

    def tell(self, batch: Batch, start: int, span: Span) -> None:
        """Announce rows of a batch, the first of which is row `start`."""
        self.announce(self._row(batch, start, span[0]), span[1] - span[0], False)

    def _row(self, batch: Batch, start: int, row: int) -> OperatorRow:
        return OperatorRow(operator_index=self.operator_index, row=start + row, origin=int(batch.origin[row]))
