"""The statistics of one filter over several partitions as those of one, in the order in which they are given. Pure.

Each call of numpy or Arrow costs more than the values of a small partition are worth: those of thousands are joined as bytes first.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import pyarrow as pa

from data_juicer.errors import CheckpointCorruptError
from data_juicer.rows.recorded_stats import (
    NUMBERS,
    OperatorStats,
    StatColumn,
    arrow_column,
    numbers_dtype,
    unpack_column,
)

Shape = tuple[object, ...]


def find_shape(stats: OperatorStats) -> Shape | None:
    """What statistics have in common that can be joined; None of sketches, which are merged one by one."""
    shape: list[object] = [stats.operator_name, stats.is_aligned]
    for column in stats.columns:
        if column.form == "sketch":
            return None
        shape += (column.name, column.form, column.kind)
    return tuple(shape)


def join_operator_stats(parts: Sequence[OperatorStats]) -> OperatorStats:
    """
    Args:
        parts: of one operator and one shape, at least one.
    Raises: CheckpointCorruptError: the columns of one of them are damaged.
    """
    rows = [part.rows for part in parts]
    first = parts[0]
    return OperatorStats(
        operator_index=first.operator_index,
        operator_name=first.operator_name,
        rows=sum(rows),
        rows_kept=sum(part.rows_kept for part in parts),
        is_aligned=first.is_aligned,
        columns=tuple(
            _joined([part.columns[place] for part in parts], rows) for place in range(len(first.columns))
        ),
    )


def _joined(columns: Sequence[StatColumn], rows: Sequence[int]) -> StatColumn:
    first = columns[0]
    if first.form != "numbers" or first.kind not in NUMBERS:
        arrays = [unpack_column(column, count) for column, count in zip(columns, rows, strict=True)]
        return arrow_column(first.name, pa.concat_arrays(arrays))
    width = _width(first.kind)
    parts = [(column.data, count) for column, count in zip(columns, rows, strict=True)]
    if [len(data) for data, _ in parts] != [count * width for count in rows]:
        raise CheckpointCorruptError(f"statistics of {first.name} are damaged.")
    planes = [data[byte * count : (byte + 1) * count] for byte in range(width) for data, count in parts]
    return StatColumn(name=first.name, form="numbers", data=b"".join(planes), kind=first.kind)


@functools.cache
def _width(kind: str) -> int:
    return numbers_dtype(NUMBERS[kind]).itemsize
