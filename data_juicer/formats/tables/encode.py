"""Rows -> Parquet with the schema of their source: what no operator touched keeps its type and its value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import pyarrow as pa

from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.formats.tables.arrow_json import raw_values
from data_juicer.formats.tables.cast import json_texts
from data_juicer.formats.tables.json_kinds import (
    JSON_TEXT,
    NULL,
    arrow_field,
    decode_number_safe,
    fit_raw,
    is_same,
    join,
    kind_of_raw,
)
from data_juicer.formats.tables.lines_table import lines_table
from data_juicer.formats.tables.rows import TableRows, is_text
from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD, Batch


def encode_table(batch: Batch, *, keep_stats: bool = False) -> pa.Table:
    """The rows of a batch as a table: columns of the source, then new fields, then stats of filters.

    The batch must come from Parquet. Rows that an operator made have nulls where they lack a column.

    Raises: TypeError: the batch comes from another format.
    """
    source = batch.source
    if not isinstance(source, TableRows):
        raise TypeError(f"rows of {type(source).__name__} have no Arrow schema to keep")
    own = batch.origin < 0
    table = source.table.take(pa.array(batch.origin, mask=own))
    if own.any():  # such rows lack the columns of the source
        table = table.cast(
            pa.schema([field.with_nullable(True) for field in table.schema], table.schema.metadata)
        )
    for key, column in batch.texts.items():
        if batch.changed(key).any():
            table = _with_text(table, key, column)
    for key, column in batch.fields.items():
        table = _with_field(table, key, column)
    if keep_stats and batch.stats:
        table = _with_column(table, STATS_FIELD, _stats(table, batch.stats))
    return table


def whole_table(batch: Batch) -> pa.Table:
    """Every field and stat of the rows of any source as a table."""
    if isinstance(batch.source, TableRows):
        return encode_table(batch, keep_stats=True)
    return lines_table(encode_rows(batch, keep_stats=True))


def parquet_bytes(table: pa.Table, compression: str = "zstd") -> bytes:
    """A whole Parquet file: equal bytes for equal tables. A column that Parquet cannot hold becomes JSON text."""
    try:
        return _parquet_bytes(table, compression)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _parquet_bytes(_holdable(table), compression)


def _parquet_bytes(table: pa.Table, compression: str) -> bytes:
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _holdable(table: pa.Table) -> pa.Table:
    """The table with JSON text in the place of columns that Parquet cannot hold, such as seconds beyond its milliseconds."""
    for number, field in enumerate(table.schema):
        try:
            _parquet_bytes(table.select([number]), "none")
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            text = pa.field(field.name, pa.large_string(), metadata=JSON_TEXT)
            column = pa.chunked_array(
                [json_texts(chunk) for chunk in table.column(number).chunks], pa.large_string()
            )
            table = table.set_column(number, text, column)
    return table


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
        return _with_column(table, key, _as_text_type(column, table.schema.field(key).type))
    if not dot or head not in table.column_names:
        return _with_column(table, key, column)
    struct = table[head].combine_chunks()
    inner = pa.Table.from_arrays(struct.flatten(), schema=pa.schema(list(struct.type)))
    inner = _with_text(inner, rest, column)
    rebuilt = pa.StructArray.from_arrays(
        [inner[name].combine_chunks() for name in inner.column_names], fields=list(inner.schema)
    )
    return _with_column(table, head, rebuilt)


def _as_text_type(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return column.cast(kind)
    encoded = column.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices, encoded.dictionary.cast(kind.value_type))


def _with_field(table: pa.Table, key: str, raw: pa.Array) -> pa.Table:
    """A field that operators wrote: in the type that the column has, if it holds all values, else in one that does."""
    texts = raw.to_pylist()
    if key in table.column_names:
        kept = _in_type(texts, table.schema.field(key).type)
        if kept is not None:
            return _with_column(table, key, kept)
    kind = reduce(join, (kind_of_raw(text) for text in texts if text is not None), NULL)
    if kind == NULL:  # the rows of other partitions say what it is
        return _with_column(table, key, pa.nulls(len(texts)), pa.field(key, pa.null()))
    field = arrow_field(key, kind)
    return _with_column(table, key, pa.array([fit_raw(text, kind) for text in texts], field.type), field)


def _in_type(texts: list[bytes | None], kind: pa.DataType) -> pa.Array | None:
    """Raw JSON values as a column of a type; None where a value would not be the same there."""
    values = [None if text is None else decode_number_safe(text) for text in texts]
    try:
        made = pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    if is_text(kind):
        return made
    read_back = [json_values.decode(raw) for raw in raw_values(made)]
    return made if all(map(is_same, values, read_back)) else None


def _with_column(table: pa.Table, key: str, column: Any, field: pa.Field | None = None) -> pa.Table:
    """`field` says what the column is now; without it, it is what it was, in the type of `column`."""
    if key not in table.column_names:
        return table.append_column(field or pa.field(key, column.type), column)
    plain = table.schema.field(key)
    named = field or pa.field(
        key, column.type, nullable=plain.nullable or column.null_count > 0, metadata=plain.metadata
    )
    return table.set_column(table.column_names.index(key), named, column)


def _stats(table: pa.Table, stat_columns: Mapping[str, pa.Array]) -> pa.StructArray:
    """Stats as a struct, after the members that the source has there already."""
    members: dict[str, tuple[pa.Field, pa.Array]] = {}
    if STATS_FIELD in table.column_names and pa.types.is_struct(table.schema.field(STATS_FIELD).type):
        struct = table[STATS_FIELD].combine_chunks()
        members = {
            field.name: (field, column) for field, column in zip(struct.type, struct.flatten(), strict=True)
        }
    members.update({name: _typed(name, column) for name, column in stat_columns.items()})
    fields, columns = zip(*members.values(), strict=True)
    return pa.StructArray.from_arrays(list(columns), fields=list(fields))


def _typed(name: str, column: pa.Array) -> tuple[pa.Field, pa.Array]:
    """A column of stats; as JSON text where they are not of one type."""
    if not pa.types.is_large_binary(column.type):
        return pa.field(name, column.type), column
    return pa.field(name, pa.large_string(), metadata=JSON_TEXT), column.cast(pa.large_string())
