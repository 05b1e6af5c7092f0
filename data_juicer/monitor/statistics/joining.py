"""Small partitions taken together, so that what is done with each costs no more than its rows are worth. Pure.

A job of 100,000 partitions has as many tables of a few rows. Nothing that is counted tells them from fewer and larger ones: ledgers are
added up, values follow each other. Partitions are joined only where every decision about them would be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from data_juicer.errors import CheckpointError
from data_juicer.monitor.statistics.gather import LedgerRows, PartitionStats
from data_juicer.rows.joined_stats import Shape, find_shape, join_operator_stats
from data_juicer.rows.recorded_stats import OperatorStats

_PARTITIONS_MAX: Final = 4_096
_BYTES_MAX: Final = 32_000_000
"""Of the values that wait until they are joined."""

ShapeOfOperator = Callable[[LedgerRows, OperatorStats | None], Shape | None]
"""What else has to be the same of an operator and its statistics; None: the partition is counted alone."""


def join_partitions(
    partitions: Iterable[PartitionStats], shape_of_operator: ShapeOfOperator | None = None
) -> Iterator[PartitionStats]:
    """The same rows in fewer partitions, in another order."""
    waiting: dict[Shape, list[PartitionStats]] = {}
    count = size_bytes = 0
    for partition in partitions:
        shape = _find_shape(partition, shape_of_operator)
        if shape is None:
            yield partition
            continue
        waiting.setdefault(shape, []).append(partition)
        count += 1
        for stats in partition.operators.values():
            for column in stats.columns:
                size_bytes += len(column.data)
        if count >= _PARTITIONS_MAX or size_bytes >= _BYTES_MAX:
            for group in waiting.values():
                yield from _join(group)
            waiting, count, size_bytes = {}, 0, 0
    for group in waiting.values():
        yield from _join(group)


def _find_shape(partition: PartitionStats, shape_of_operator: ShapeOfOperator | None) -> Shape | None:
    shape: list[object] = [partition.is_done]
    for index, stats in partition.operators.items():
        found = find_shape(stats)
        if found is None:
            return None
        shape += (index, found)
    shape += [ledger.index for ledger in partition.ledgers]
    if shape_of_operator is None:
        return tuple(shape)
    for ledger in partition.ledgers:
        found = shape_of_operator(ledger, partition.operators.get(ledger.index))
        if found is None:
            return None
        shape += found
    return tuple(shape)


def _join(group: Sequence[PartitionStats]) -> Iterator[PartitionStats]:
    first = group[0]
    try:
        operators = {
            index: join_operator_stats([partition.operators[index] for partition in group])
            for index in first.operators
        }
    except CheckpointError:  # of one of them, which is looked at alone once more
        yield from group
        return
    yield PartitionStats(
        partition=first.partition,
        ledgers=tuple(map(_sum, zip(*(partition.ledgers for partition in group), strict=True))),
        operators=operators,
        is_done=first.is_done,
        count=sum(partition.count for partition in group),
    )


def _sum(ledgers: Sequence[LedgerRows]) -> LedgerRows:
    return LedgerRows(
        index=ledgers[0].index,
        rows_in=sum([ledger.rows_in for ledger in ledgers]),
        rows_generated=sum([ledger.rows_generated for ledger in ledgers]),
        rows_out=sum([ledger.rows_out for ledger in ledgers]),
        rows_filtered=sum([ledger.rows_filtered for ledger in ledgers]),
        rows_dead_letter=sum([ledger.rows_dead_letter for ledger in ledgers]),
    )
