"""The calls of an operator with per-row effects over the rows of one partition (`ops/effects.py`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from data_juicer.engine.worker.row_isolation import (
    NEVER_A_ROWS_FAULT,
    FailedRow,
    RowIsolation,
    apply_isolated,
)
from data_juicer.foreign_code import Contained
from data_juicer.ops.effects import EffectMapper
from data_juicer.rows.batch import Batch
from data_juicer.rows.written_rows import with_values
from data_juicer.store.deltas import join_batches

_NO_ROWS: Final = np.empty(0, np.int32)


class EffectCalls:
    """Calls each row once. Rows are counted over all batches of the partition; used in a `with` block."""

    def __init__(self, operator: EffectMapper, isolation: RowIsolation) -> None:
        self._operator = operator
        self._isolation = isolation
        self._outcomes: dict[int, Mapping[str, Any] | Exception] = {}
        self._runner = asyncio.Runner()
        self._session = contextlib.AsyncExitStack()

    def __enter__(self) -> Self:
        self._runner.run(self._session.enter_async_context(self._operator.session()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._session.aclose())
        finally:
            self._runner.close()

    def try_first(self, batches: Sequence[Batch]) -> None:
        """Call the suspect of a lost worker before all others; its result is used when its turn comes."""
        first = self._isolation.first
        suspect = self._isolation.find_first(batches) if first else None
        if first is not None and suspect is not None:
            self._isolation.announce(first, 1, True)
            self._runner.run(self._call_all([(first.row, suspect.row(0))]))

    def run(self, batch: Batch, start: int) -> tuple[Batch, list[FailedRow]]:
        """The rows after the operator, `base` counting in `batch`, and the rows lost to errors.

        Args:
            start: the number of the batch's first row.
        """
        taken = self._isolation.taken_out(batch, start)
        for begin, stop in self._isolation.spans(len(batch), taken) or [(0, len(batch))]:
            if begin < stop:
                self._isolation.tell(batch, start, (begin, stop))
                self._runner.run(
                    self._call_all([(start + row, batch.row(row)) for row in range(begin, stop)])
                )
        gone = {failed.row for failed in taken}
        outcomes = {row: self._outcomes.pop(start + row) for row in range(len(batch)) if row not in gone}
        lost = [FailedRow(row, error) for row, error in outcomes.items() if isinstance(error, Exception)]
        kept = [row for row, outcome in outcomes.items() if not isinstance(outcome, Exception)]
        left = batch.rebased().take(np.array(kept, np.int32))
        parts, unfit = apply_isolated(lambda part: _written(part, outcomes), left)
        lost += [FailedRow(kept[failed.row], failed.error) for failed in unfit]
        written = [part for _, part in sorted(parts, key=lambda part: part[0])]
        after = join_batches(written) if len(written) > 1 else written[0] if written else left.take(_NO_ROWS)
        return after, sorted([*taken, *lost], key=lambda each: each.row)

    async def _call_all(self, rows: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Raises: ConfigError, StoreError: what an operator says about the job."""
        permits = asyncio.Semaphore(self._operator.calls_max)
        await asyncio.gather(*(self._call(number, row, permits) for number, row in rows))

    async def _call(self, number: int, row: dict[str, Any], permits: asyncio.Semaphore) -> None:
        if number in self._outcomes:
            return
        async with permits:
            try:
                with Contained(asyncio.CancelledError):
                    self._outcomes[number] = dict(await self._operator.call(row))
            except NEVER_A_ROWS_FAULT:
                raise
            except Exception as error:  # an answer about this row
                self._outcomes[number] = error


def _written(batch: Batch, outcomes: Mapping[int, Any]) -> Batch:
    """The rows with what their calls gave; `base` of the batch says which outcome is whose."""
    assert batch.base is not None  # noqa: S101 - it was taken from another
    return with_values(
        batch, [{**batch.row(row), **outcomes[int(base)]} for row, base in enumerate(batch.base)]
    )
