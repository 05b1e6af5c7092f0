"""Dataset-wide operators without a job: rows of partitions in memory through all three steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.dataset.grouping.grouper import ROW
from data_juicer.ops.dataset.grouping.members import MEMBER_PARTITION, MEMBER_ROW
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.rows.batch import Batch
from data_juicer.store.gathered_rows import with_rows


class MemorySummaries:
    """Tables in memory, as an operator's `resolve` is given those of partitions."""

    def __init__(self, tables: Sequence[pa.Table], known: int = 0) -> None:
        self._tables = tables
        self.known = known
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
    tables = [operator.summarise(batch).combine_chunks() for batch in batches]
    lines = [_lines(batch) if operator.collects_rows else [] for batch in batches]
    if operator.collects_rows:
        tables = [with_rows(table, rows) for table, rows in zip(tables, lines, strict=True)]
    summaries = MemorySummaries(tables)
    scratch = Scratch(directory, memory_bytes)
    try:
        decisions = operator.resolve(summaries, scratch)
        return [_gathered(table, lines) if operator.collects_rows else table for table in decisions]
    finally:
        scratch.close()


def resolve(
    operator: DatasetOperator, batches: Sequence[Batch], directory: str = "", memory_bytes: int = 1 << 30
) -> list[Batch]:
    """The partitions after the operator."""
    decisions = decide(operator, batches, directory, memory_bytes)
    return [operator.apply(batch, decision) for batch, decision in zip(batches, decisions, strict=True)]


def _lines(batch: Batch) -> list[bytes]:
    return encode_rows(batch, keep_stats=True).split(b"\n")[:-1]


def _gathered(members: pa.Table, lines: Sequence[Sequence[bytes]]) -> pa.Table:
    """The members of groups with their rows beside them."""
    locations = zip(members[MEMBER_PARTITION].to_pylist(), members[MEMBER_ROW].to_pylist(), strict=True)
    rows = [lines[partition][row] for partition, row in locations]
    return members.append_column(ROW, pa.array(rows, pa.large_binary()))
