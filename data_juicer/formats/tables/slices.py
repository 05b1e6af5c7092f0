"""Tables in slices that fit a partition. Pure.

A row that is longer than a job reads is a slice of its own, and only the beginning of its values is kept: its dead letter needs no
more, and nothing is packed, written and read again that is not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.formats.base import LONG_ROW_BYTES_KEPT

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits

_LONG_ROW: Final = b"data_juicer.long_row_bytes"
"""Metadata of a copy's schema: the bytes of its one row, of which only the beginning is here."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive rows, as a copy holds them."""

    table: pa.Table

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)


def slices(table: pa.Table, limits: FragmentLimits) -> Iterator[Slice]:
    """The rows in slices of at most `rows_max` rows and about `size_bytes_max` bytes; a larger row is one of its own."""
    table = _without_mark(table)
    start = 0
    for row, size_bytes in long_rows(table, limits.row_bytes_max).items():
        yield from _even(table.slice(start, row - start), limits)
        yield Slice(_beginning(table.slice(row, 1), size_bytes))
        start = row + 1
    yield from _even(table.slice(start), limits)


def long_rows(table: pa.Table, row_bytes_max: int) -> dict[int, int]:
    """Rows that are longer, in order, each with its bytes; 0: none is."""
    if not row_bytes_max or table.nbytes <= row_bytes_max:
        return {}
    sizes = (table.slice(row, 1).nbytes for row in range(table.num_rows))
    return {row: size for row, size in enumerate(sizes) if size > row_bytes_max}


def long_row_bytes(schema: pa.Schema) -> int:
    """The bytes of the row of which a copy holds the beginning; 0: it holds all of its rows."""
    return int((schema.metadata or {}).get(_LONG_ROW, b"0"))


def _even(table: pa.Table, limits: FragmentLimits) -> Iterator[Slice]:
    rows_left = table
    while rows_left.num_rows:
        average = max(1, rows_left.nbytes // rows_left.num_rows)
        rows = max(1, min(rows_left.num_rows, limits.rows_max, limits.size_bytes_max // average))
        yield Slice(rows_left.slice(0, rows))
        rows_left = rows_left.slice(rows)


def _without_mark(table: pa.Table) -> pa.Table:
    """A source that was made to look like a copy is none."""
    metadata = dict(table.schema.metadata or {})
    return table if metadata.pop(_LONG_ROW, None) is None else table.replace_schema_metadata(metadata)


def _beginning(row: pa.Table, size_bytes: int) -> pa.Table:
    """The row with its long values cut, or left out where they cannot be cut."""
    columns = [_cut(column) for column in row.columns]
    fields = [field.with_nullable(True) for field in row.schema]
    metadata = {**(row.schema.metadata or {}), _LONG_ROW: str(size_bytes).encode()}
    return pa.table(columns, schema=pa.schema(fields, metadata))


def _cut(column: pa.ChunkedArray) -> pa.Array:
    value = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if value.nbytes <= LONG_ROW_BYTES_KEPT:
        return value
    if pa.types.is_string(value.type) or pa.types.is_large_string(value.type):
        try:
            return pc.utf8_slice_codeunits(value, 0, LONG_ROW_BYTES_KEPT)
        except pa.ArrowInvalid:  # no UTF-8
            pass
    return pa.nulls(1, value.type)
