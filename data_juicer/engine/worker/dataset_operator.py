"""What a worker does for a dataset operator: summaries before the operator, decisions applied after it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.engine.worker.apply_operator import (
    Applied,
    DeadRow,
    Watch,
    bytes_of_text,
    composed,
    run_isolated,
    try_alone,
)
from data_juicer.engine.worker.row_isolation import RowIsolation
from data_juicer.errors import OperatorError
from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.ops.base import DatasetOperator
from data_juicer.rows.batch import Batch
from data_juicer.store.decisions import DeadRows
from data_juicer.store.gathered_rows import with_rows
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.summaries import ORIGIN, ROW_NUMBER


class Summarised(msgspec.Struct, frozen=True, kw_only=True):
    """The summary of a partition, one row a row that could be summarised."""

    table: pa.Table
    ledger: OperatorLedger
    """Rows out are those of the table. Its duration is the caller's to measure."""
    dead: list[DeadRow]
    rows: list[bytes] | None
    """The rows themselves, as JSON, for an operator that collects rows."""


def summarise(
    operator: DatasetOperator, index: int, batches: Sequence[Batch], isolation: RowIsolation
) -> Summarised:
    """Summarise every row that the operator does not raise on.

    Raises: OperatorError: the operator gave another number of rows.
    """
    try_alone(operator.summarise, batches, isolation)
    parts, start = [], 0
    for batch in batches:
        parts.append(_summarise_batch(operator, batch, start, isolation))
        start += len(batch)
    whole = pa.concat_tables([part.table for part in parts]).combine_chunks()
    dead = [row for part in parts for row in part.dead]
    if dead:
        numbers = np.concatenate([part.numbers for part in parts])
        whole = whole.append_column(ROW_NUMBER, pa.array(numbers, pa.int32()))
    rows = _lines(part.alive for part in parts) if operator.collects_rows else None
    return Summarised(
        table=whole if rows is None else with_rows(whole, rows),
        ledger=OperatorLedger(
            index=index,
            name=operator.name,
            rows_in=start,
            rows_out=whole.num_rows,
            rows_dead_letter=len(dead),
            text_bytes=sum(bytes_of_text(operator, batch) for batch in batches),
        ),
        dead=dead,
        rows=rows,
    )


class _Part(msgspec.Struct, frozen=True):
    """The summary of one batch: of the rows that could be summarised, with their numbers in the partition."""

    table: pa.Table
    alive: Batch
    numbers: npt.NDArray[np.int64]
    dead: list[DeadRow]


def _summarise_batch(operator: DatasetOperator, batch: Batch, start: int, isolation: RowIsolation) -> _Part:
    """`start`: the number of the batch's first row in the partition. Raises: OperatorError."""
    applied, lost = run_isolated(operator.summarise, batch, start, isolation)
    tables = [table for _, table in applied] or [operator.summarise(batch.take(np.empty(0, np.int32)))]
    table = pa.concat_tables(tables)
    left = np.setdiff1d(np.arange(len(batch)), [failed.row for failed in lost])
    if table.num_rows != len(left):
        raise OperatorError(
            f"{operator.name}: {table.num_rows} summaries for {len(left)} rows; there must be one for each."
        )
    return _Part(
        table.append_column(ORIGIN, pa.array(batch.numbers()[left], pa.int32())),
        batch.take(left) if lost else batch,
        start + left,
        [DeadRow(batch, failed.row, failed.error) for failed in lost],
    )


def _lines(batches: Iterable[Batch]) -> list[bytes]:
    """The rows with the stats of filters, as they would be exported."""
    return [line for batch in batches for line in encode_rows(batch, keep_stats=True).split(b"\n")[:-1]]


def apply_decision(
    operator: DatasetOperator,
    index: int,
    batches: Sequence[Batch],
    decision: pa.Table,
    dead: DeadRows,
    watch: Watch | None = None,
) -> Applied:
    """The rows after the operator. Rows that the operator removes count as what it says of them.

    Args:
        decision: about the rows that are not dead, or the rows that are gathered.
        dead: those that could not be summarised; their letters were written then.
    Raises: OperatorError: the decision is one about other rows.
    """
    alive = _without(batches, dead.rows)
    rows = sum(len(batch) for batch in alive)
    if operator.collects_rows:
        after = [operator.apply(batches[0].rebased(), decision)]
    else:
        after = _decided(operator, alive, decision, watch)
    rows_out = sum(len(batch) for batch in after)
    counts = {f"rows_{operator.ledger_outcome}": rows if operator.collects_rows else rows - rows_out}
    ledger = OperatorLedger(
        index=index,
        name=operator.name,
        rows_in=rows + len(dead.rows),
        rows_generated=rows_out if operator.collects_rows else 0,
        rows_out=rows_out,
        rows_dead_letter=len(dead.rows),
        **counts,
    )
    return Applied(batches=after, ledger=ledger, dead=[])


def _without(batches: Sequence[Batch], dead: Sequence[int]) -> list[Batch]:
    if not dead:
        return list(batches)
    gone, start, alive = np.array(dead), 0, []
    for batch in batches:
        numbers = np.arange(start, start + len(batch))
        alive.append(batch.select(~np.isin(numbers, gone)))
        start += len(batch)
    return alive


def _decided(
    operator: DatasetOperator, batches: Sequence[Batch], decision: pa.Table, watch: Watch | None
) -> list[Batch]:
    rows = sum(len(batch) for batch in batches)
    if decision.num_rows != rows:
        raise OperatorError(f"{operator.name}: {decision.num_rows} decisions for {rows} rows.")
    after: list[Batch] = []
    start = 0
    for batch in batches:
        kept = operator.apply(batch.rebased(), decision.slice(start, len(batch)))
        start += len(batch)
        if watch is not None:
            watch(batch, kept)
        after.append(composed(batch, kept))
    return after
