"""One operator over the batches of one partition: rows in, rows out, what became of each. Pure; the same everywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from data_juicer.engine.worker.row_isolation import FailedRow, Made, RowIsolation, apply_isolated
from data_juicer.foreign_code import Contained
from data_juicer.kernels.characters.codepoints import bytes_of
from data_juicer.ops.base import Filter, Mapper, Operator
from data_juicer.rows.batch import Batch, Rows
from data_juicer.rows.recorded_stats import join_stats
from data_juicer.store.deltas import join_batches
from data_juicer.store.ledger import OperatorLedger


class DeadRow(msgspec.Struct, frozen=True):
    """A row that an operator could not process: the batch that holds it, its number there, the error."""

    batch: Batch
    row: int
    error: Exception


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The batches after one operator. Durations are the caller's to measure: `ledger.duration_s` is 0 here."""

    batches: list[Batch]
    ledger: OperatorLedger
    dead: list[DeadRow]
    stats: Mapping[str, pa.Array] | None = None
    """Of a filter, those of every row that it did not fail on, kept or not, in the order of the rows."""


class AppliedBatch(msgspec.Struct, frozen=True):
    """A batch after an operator, and what a filter measured of it before it dropped rows."""

    rows: Batch
    stats: Mapping[str, pa.Array] | None = None


RunOnBatch = Callable[[Batch, int], tuple[Batch, list[FailedRow]]]
"""Gives an operator a batch, with the number of its first row: the rows after it, and those lost to errors."""
Watch = Callable[[Batch, Batch], None]
"""Is shown each batch before an operator and after it, `base` of the second counting in the first."""


def run_operator(
    operator: Operator,
    index: int,
    batches: Sequence[Batch],
    watch: Watch | None = None,
    isolation: RowIsolation | None = None,
    run_on_batch: RunOnBatch | None = None,
) -> Applied:
    """Apply one partition-local operator to each batch.

    Rows on which it raises are isolated and left out; every other row goes through.

    Args:
        run_on_batch: gives the rows of a batch to an operator that must not be given them twice.
    """
    isolation = isolation or RowIsolation(operator_index=index)
    if run_on_batch is None:
        try_alone(lambda batch: _apply(operator, batch), batches, isolation)
    after: list[Batch] = []
    dead: list[DeadRow] = []
    stats: list[Mapping[str, pa.Array]] = []
    start = rows_generated = rows_filtered = text_bytes = 0
    for batch in batches:
        if run_on_batch is not None:
            rows, lost = run_on_batch(batch, start)
        else:
            rows, lost = _run_on_batch(operator, batch, start, isolation, stats)
        start += len(batch)
        if watch is not None:
            watch(batch, rows)
        dead += [DeadRow(batch, failed.row, failed.error) for failed in lost]
        survivors = _survivors(rows, len(batch))
        rows_generated += len(rows) - survivors
        rows_filtered += len(batch) - len(lost) - survivors
        text_bytes += bytes_of_text(operator, batch)
        after.append(composed(batch, rows))
    ledger = OperatorLedger(
        index=index,
        name=operator.name,
        rows_in=sum(len(batch) for batch in batches),
        rows_generated=rows_generated,
        rows_out=sum(len(batch) for batch in after),
        rows_filtered=rows_filtered,
        rows_dead_letter=len(dead),
        text_bytes=text_bytes,
    )
    measured = join_stats(stats) if isinstance(operator, Filter) else None
    return Applied(batches=after, ledger=ledger, dead=dead, stats=measured)


def try_alone(apply: Callable[[Batch], object], batches: Sequence[Batch], isolation: RowIsolation) -> None:
    """Give the operator the suspect, for whether the worker lives through it; its result is not used."""
    suspect = isolation.find_first(batches) if isolation.first else None
    if suspect is not None and isolation.first is not None:
        isolation.announce(isolation.first, 1, True)
        with contextlib.suppress(Exception), Contained():  # raised again, and answered, when its turn comes
            apply(suspect.rebased())


def run_isolated(
    apply: Callable[[Batch], Made], batch: Batch, start: int, isolation: RowIsolation
) -> tuple[list[tuple[int, Made]], list[FailedRow]]:
    """What the operator makes of the parts of a batch that go through, and the rows lost to errors; both in order.

    Args:
        start: the number of the batch's first row in the partition.
    """
    if not len(batch):
        return [], []
    taken = isolation.taken_out(batch, start)
    slices, failed = apply_isolated(
        lambda part: apply(part.rebased()),
        batch,
        isolation.spans(len(batch), taken),
        lambda first, stop: isolation.tell(batch, start, (first, stop)),
    )
    slices.sort(key=lambda applied: applied[0])
    return slices, sorted((*taken, *failed), key=lambda lost: lost.row)


def _run_on_batch(
    operator: Operator,
    batch: Batch,
    start: int,
    isolation: RowIsolation,
    stats: list[Mapping[str, pa.Array]],
) -> tuple[Batch, list[FailedRow]]:
    """The rows after the operator, `base` counting in `batch`, and the rows lost to errors; adds to `stats`."""
    slices, lost = run_isolated(lambda part: _apply(operator, part), batch, start, isolation)
    stats += [part.stats for _, part in slices if part.stats is not None]
    if len(slices) == 1 and not lost:
        return slices[0][1].rows, lost
    if not slices:
        return batch.take(np.empty(0, dtype=np.int32)), lost
    return join_batches([replace(part.rows, base=_base(part.rows, first)) for first, part in slices]), lost


def _apply(operator: Operator, batch: Batch) -> AppliedBatch:
    if isinstance(operator, Filter):
        stats = operator.compute_stats(batch)
        measured = batch.with_stats(stats)
        return AppliedBatch(
            measured if operator.measures_only else measured.select(operator.keep(stats)), stats
        )
    if isinstance(operator, Mapper):
        return AppliedBatch(operator.process(batch))
    raise TypeError(f"{operator.name} is a {operator.kind}, which does not run on a partition alone")


def _base(part: Batch, start: int) -> Rows:
    """`base` of a part that began at row `start`, counted in the whole; -1 stays."""
    if part.base is None:
        return np.arange(start, start + len(part), dtype=np.int32)
    return np.where(part.base < 0, -1, part.base + start).astype(np.int32)


def composed(before: Batch, after: Batch) -> Batch:
    """`after` with `base` counting where that of `before` counts."""
    after = replace(after, unwritten=before.unwritten & after.unwritten)
    if after.base is None:
        return replace(after, base=before.base)
    if before.base is None or not len(before):
        return after
    return replace(after, base=np.where(after.base < 0, -1, before.base[after.base]).astype(np.int32))


def _survivors(after: Batch, rows_in: int) -> int:
    """How many of the rows that went in are among those that came out, once or more often."""
    if after.base is None:
        return len(after)
    if len(after.base) <= rows_in and bool((np.diff(after.base) > 0).all()):
        return len(after) - int((after.base < 0).sum())
    return len(np.unique(after.base[after.base >= 0]))


def bytes_of_text(operator: Operator, batch: Batch) -> int:
    """Bytes of UTF-8 that the operator is given; of a column that holds anything but texts, none."""
    total = 0
    for key in operator.text_keys_read():
        with contextlib.suppress(ValueError):
            total += len(bytes_of(batch.text(key)).data)
    return total
