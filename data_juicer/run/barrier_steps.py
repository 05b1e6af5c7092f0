"""What a worker does for a dataset-wide operator: summaries before the barrier, decisions applied behind it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from data_juicer.errors import OperatorError
from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.batch import Batch
from data_juicer.run.partition import Applied, Watch, composed
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.summaries import ORIGIN


def summarise(operator: DatasetOperator, batches: Sequence[Batch]) -> pa.Table:
    """The summary of a partition, one row a row.

    Raises: OperatorError: the operator gave another number of rows.
    """
    tables = []
    for batch in batches:
        table = operator.summarise(batch)
        if table.num_rows != len(batch):
            raise OperatorError(
                f"{operator.name}: {table.num_rows} summaries for {len(batch)} rows; there must be one for each."
            )
        tables.append(table.append_column(ORIGIN, pa.array(batch.origin)))
    return pa.concat_tables(tables).combine_chunks()


def apply_decision(
    operator: DatasetOperator,
    index: int,
    batches: Sequence[Batch],
    decision: pa.Table,
    watch: Watch | None = None,
) -> Applied:
    """The rows behind the barrier. Rows that the operator removes count as what it says of them.

    Raises: OperatorError: the decision is one about other rows.
    """
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
    rows_out = sum(len(batch) for batch in after)
    removed = rows - rows_out
    ledger = OperatorLedger(
        index=index,
        name=operator.name,
        rows_in=rows,
        rows_out=rows_out,
        rows_duplicate=removed if operator.counts_as == "duplicate" else 0,
        rows_filtered=removed if operator.counts_as == "filtered" else 0,
    )
    return Applied(batches=after, ledger=ledger, dead=[])
