"""How an operator is given the rows of a partition, so that one bad row costs one row. Pure.

A batch on which the operator raises is halved until the failing rows are found. After lost workers the isolation plan of the
attempt says which operators are given one row at a time, which row is tried alone first, and which rows are excluded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from data_juicer.engine.protocol.messages import ExcludedRow, IsolationPlan, OperatorRow
from data_juicer.errors import ConfigError, StoreError, WorkerLostError
from data_juicer.foreign_code import Contained
from data_juicer.rows.batch import Batch

Span = tuple[int, int]
"""Rows [start, stop) of a batch."""
Made = TypeVar("Made")


class FailedRow(msgspec.Struct, frozen=True):
    """A row of the batch that was given, and what the operator raised on it alone."""

    row: int
    error: Exception


NEVER_A_ROWS_FAULT = (ConfigError, StoreError)
"""Errors that say something about the job; they pass through, since halving would blame every row."""


def apply_isolated(
    apply: Callable[[Batch], Made],
    batch: Batch,
    spans: Sequence[Span] | None = None,
    announce: Callable[[int, int], None] = lambda _start, _stop: None,
) -> tuple[list[tuple[int, Made]], list[FailedRow]]:
    """Apply an operator to a batch; where it raises, to halves of it, down to single rows.

    Args:
        spans: what is given to the operator at once, in order; None: the whole batch.
        announce: called with the span that the operator is given next.
    Returns: the parts that went through, each with the number of its first row in `batch`; the rows that did not.
    Cost: one call a span if nothing fails; about 2 log2(rows) calls for each failing row.
    """
    done: list[tuple[int, Made]] = []
    failed: list[FailedRow] = []
    left = [(0, len(batch))] if spans is None else list(reversed(spans))
    while left:
        start, stop = left.pop()
        announce(start, stop)
        part = batch if stop - start == len(batch) else batch.take(np.arange(start, stop, dtype=np.int32))
        try:
            with Contained():
                made = apply(part)
            done.append((start, made))
        except NEVER_A_ROWS_FAULT:
            raise
        except Exception as error:  # whatever an operator raises is an answer about its rows
            if stop - start == 1:
                failed.append(FailedRow(start, error))
            elif stop > start:
                middle = (start + stop) // 2
                left += [(middle, stop), (start, middle)]
            else:
                raise
    return done, failed


Announce = Callable[[OperatorRow, int, bool], None]
"""Told the first row, how many, and whether it is a suspect alone, before an operator is given them."""


def tell_nobody(_first: OperatorRow, _rows: int, _alone: bool) -> None:
    pass


def halving_order(rows: int) -> Iterator[int]:
    """The numbers below `rows`, each once: the middle, the middles of both halves, and so on.

    The first few are spread over all, so that an operator which crashes on every row is distinguished from one that crashes on a few
    neighbours.
    """
    halves = deque([(0, rows)])
    while halves:
        start, stop = halves.popleft()
        if start < stop:
            middle = (start + stop) // 2
            yield middle
            halves += [(start, middle), (middle + 1, stop)]


class RowIsolation(msgspec.Struct, frozen=True, kw_only=True):
    """Of one operator in one attempt. Rows are counted over all batches of the partition."""

    operator_index: int
    row_by_row: bool = False
    first: OperatorRow | None = None
    excluded: Mapping[int, ExcludedRow] = msgspec.field(default_factory=dict)
    announce: Announce = tell_nobody

    @staticmethod
    def of(plan: IsolationPlan, operator_index: int, announce: Announce) -> RowIsolation:
        first = plan.first
        return RowIsolation(
            operator_index=operator_index,
            row_by_row=operator_index in plan.row_by_row,
            first=first if first and first.operator_index == operator_index else None,
            excluded={
                taken.row.row: taken for taken in plan.excluded if taken.row.operator_index == operator_index
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
            for row, taken in sorted(self.excluded.items())
            if 0 <= row - start < len(batch) and self._row(batch, start, row - start) == taken.row
        ]

    def spans(self, rows: int, taken: Sequence[FailedRow]) -> list[Span] | None:
        """What of a batch the operator is given at once; None: the whole."""
        if not self.row_by_row and not taken:
            return None
        left_out = {failed.row for failed in taken}
        order = halving_order(rows) if self.row_by_row else range(rows)
        return [(row, row + 1) for row in order if row not in left_out]

    def tell(self, batch: Batch, start: int, span: Span) -> None:
        """Announce rows of a batch, the first of which is row `start`."""
        self.announce(self._row(batch, start, span[0]), span[1] - span[0], False)

    def _row(self, batch: Batch, start: int, row: int) -> OperatorRow:
        return OperatorRow(operator_index=self.operator_index, row=start + row, origin=int(batch.origin[row]))
