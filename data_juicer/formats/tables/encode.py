"""Rows -> Parquet with the schema of their source: what no operator touched keeps its type and its value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import pyarrow as pa

from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.formats.tables.json_kinds import NULL, arrow_field, fit, join, kind_of
from data_juicer.formats.tables.lines_table import lines_table
from data_juicer.formats.tables.rows import TableRows
from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD, Batch


def encode_table(batch: Batch, *, keep_stats: bool = False) -> pa.Table:
    """The rows of a batch as a table: columns of the source, then new fields, then figures of filters.

    The batch must come from Parquet. Rows that an operator made have nulls where they lack a column.

    Raises: TypeError: the batch comes from another format.
    """
    source = batch.source
    if not isinstance(source, TableRows):
        raise TypeError(f"rows of {type(source).__name__} have no Arrow schema to keep")
    table = source.table.take(pa.array(batch.origin, mask=batch.origin < 0))
    for key, column in batch.texts.items():
        if batch.changed(key).any():
            table = _with_text(table, key, column)
    for key, column in batch.fields.items():
        table = _with_field(table, key, column)
    if keep_stats and batch.stats:
        table = _with_column(table, STATS_FIELD, _stats(table, batch.stats))
    return table


def whole_table(batch: Batch) -> pa.Table:
    """Every field and figure of the rows of any source as a table."""
    if isinstance(batch.source, TableRows):
        return encode_table(batch, keep_stats=True)
    return lines_table(encode_rows(batch, keep_stats=True))


def parquet_bytes(table: pa.Table, compression: str = "zstd") -> bytes:
    """A whole Parquet file: equal bytes for equal tables."""
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def arrow_bytes(table: pa.Table, compression: str = "zstd") -> bytes:
    """A whole Arrow IPC file: equal bytes for equal tables."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=None if compression == "none" else compression)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _with_text(table: pa.Table, key: str, column: pa.Array) -> pa.Table:
    """`a.b` reaches into the struct column `a` where the table has no column of that name, as `find_column` does."""
    head, dot, rest = key.partition(".")
    if key in table.column_names:
        return _with_column(table, key, column.cast(table.schema.field(key).type))
    if not dot or head not in table.column_names:
        return _with_column(table, key, column)
    struct = table[head].combine_chunks()
    inner = pa.Table.from_arrays(struct.flatten(), [field.name for field in struct.type])
    inner = _with_text(inner, rest, column)
    rebuilt = pa.StructArray.from_arrays(
        [inner[name].combine_chunks() for name in inner.column_names], fields=list(inner.schema)
    )
    return _with_column(table, head, rebuilt)


def _with_field(table: pa.Table, key: str, raw: pa.Array) -> pa.Table:
    """A field that operators wrote: in the type that the column has, else in the one that holds all its values."""
    decoded = [None if value is None else json_values.decode(value) for value in raw.to_pylist()]
    if key in table.column_names:
        try:
            return _with_column(table, key, pa.array(decoded, table.schema.field(key).type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass  # the values no longer fit the column; it takes their type
    kind = reduce(join, map(kind_of, decoded), NULL)
    field = arrow_field(key, kind)
    return _with_column(table, key, pa.array([fit(value, kind) for value in decoded], field.type), field)


def _with_column(table: pa.Table, key: str, column: Any, field: pa.Field | None = None) -> pa.Table:
    named = field or pa.field(key, column.type)
    if key in table.column_names:
        return table.set_column(table.column_names.index(key), named, column)
    return table.append_column(named, column)


def _stats(table: pa.Table, figures: Mapping[str, pa.Array]) -> pa.StructArray:
    """Figures as a struct, after the members that the source has there already."""
    members: dict[str, pa.Array] = {}
    if STATS_FIELD in table.column_names and pa.types.is_struct(table.schema.field(STATS_FIELD).type):
        struct = table[STATS_FIELD].combine_chunks()
        members = dict(zip([field.name for field in struct.type], struct.flatten(), strict=True))
    members.update({name: _typed(column) for name, column in figures.items()})
    return pa.StructArray.from_arrays(list(members.values()), names=list(members))


def _typed(column: pa.Array) -> pa.Array:
    """A column of figures; as JSON text where they are not of one type."""
    return column.cast(pa.large_string()) if pa.types.is_large_binary(column.type) else column
