"""Dataset-wide operators without a job: rows of partitions in memory through all three steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.batch import Batch
from data_juicer.ops.dataset.scratch import Scratch


class MemorySummaries:
    """Tables in memory, as an operator's `resolve` is given those of partitions."""

    def __init__(self, tables: Sequence[pa.Table]) -> None:
        self._tables = tables
        self.rows = [table.num_rows for table in tables]

    def __iter__(self) -> Iterator[pa.Table]:
        return iter(self._tables)


def decide(
    operator: DatasetOperator, batches: Sequence[Batch], directory: str = "", memory_bytes: int = 1 << 30
) -> list[pa.Table]:
    """The decisions about partitions in the order of the input.

    Args:
        directory: for what does not fit into `memory_bytes`.
    """
    summaries = MemorySummaries([operator.summarise(batch).combine_chunks() for batch in batches])
    scratch = Scratch(directory, memory_bytes)
    try:
        return list(operator.resolve(summaries, scratch))
    finally:
        scratch.close()


def resolve(
    operator: DatasetOperator, batches: Sequence[Batch], directory: str = "", memory_bytes: int = 1 << 30
) -> list[Batch]:
    """The partitions behind the operator."""
    decisions = decide(operator, batches, directory, memory_bytes)
    return [operator.apply(batch, decision) for batch, decision in zip(batches, decisions, strict=True)]
