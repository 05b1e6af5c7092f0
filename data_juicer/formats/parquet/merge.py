"""Result parts of all partitions -> one Parquet file, in two passes over the parts and in the memory of a few.

The first pass finds types that hold every row of every part, the second writes. A field that a row lacks is null. Where
no type holds all values of a field (a number here, a string there, an integer beyond 64 bits) the column is a string
column of their JSON texts; so nothing is lost, and the file does not depend on how rows were divided into parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final

import pyarrow as pa

from data_juicer.formats.tables.arrow_json import raw_values
from data_juicer.formats.tables.json_kinds import JSON_TEXT, Kind
from data_juicer.formats.tables.lines_table import join_lines, kinds_schema, lines_table

Parts = Sequence[str]
ReadPart = Callable[[str], bytes]

ROW_GROUP_BYTES: Final = 32 << 20
"""Parts are gathered into row groups of about this size, as Arrow holds them."""


def jsonl_kinds(parts: Parts, read: ReadPart) -> dict[str, Kind]:
    """The kind of each field over all parts of JSON Lines, fields in the order first seen."""
    kinds: dict[str, Kind] = {}
    for part in parts:
        kinds = join_lines(kinds, read(part))
    return kinds


def write_jsonl(parts: Parts, read: ReadPart, kinds: Mapping[str, Kind], sink: BinaryIO) -> None:
    """Parts of JSON Lines as one Parquet file; `kinds` must cover them, see `jsonl_kinds`."""
    _write(kinds_schema(kinds), (lines_table(read(part), kinds) for part in parts), sink)


def parquet_schema(parts: Parts, read: ReadPart) -> pa.Schema:
    """A schema that holds all Parquet parts, columns in the order first seen. One without rows counts only among such.

    Such a part has the types of the source, although an operator may have made others of them in all rows there are.
    """
    fields: dict[str, pa.Field] = {}
    metadata, empty = None, True
    for part in parts:
        schema, is_empty = _file_schema(read(part))
        metadata = metadata or schema.metadata
        if empty and not is_empty:
            fields, empty = {}, False
        for found in schema if is_empty == empty else ():
            held = fields.get(found.name)
            fields[found.name] = found if held is None else _common_field(held, found)
    return pa.schema(list(fields.values()), metadata=metadata)


def write_parquet(parts: Parts, read: ReadPart, schema: pa.Schema, sink: BinaryIO) -> None:
    """Parquet parts as one file; `schema` must cover them, see `parquet_schema`."""
    tables = (_file_table(read(part)) for part in parts)
    _write(schema, (_cast_table(table, schema) for table in tables if table.num_rows), sink)


def jsonl_parts_to_parquet(parts: Parts, read: ReadPart, sink: BinaryIO) -> None:
    write_jsonl(parts, read, jsonl_kinds(parts, read), sink)


def parquet_parts_to_parquet(parts: Parts, read: ReadPart, sink: BinaryIO) -> None:
    write_parquet(parts, read, parquet_schema(parts, read), sink)


# ---- Parquet


def _file_schema(data: bytes) -> tuple[pa.Schema, bool]:
    """The schema, and whether there is no row."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data))
    return file.schema_arrow, file.metadata.num_rows == 0


def _file_table(data: bytes) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(pa.BufferReader(data), use_threads=False)


def _common_field(held: pa.Field, found: pa.Field) -> pa.Field:
    if held.type == found.type and _is_json(held) == _is_json(found):
        return held
    if not _is_json(held) and not _is_json(found):
        try:
            both = [pa.schema([held]), pa.schema([found])]
            return pa.unify_schemas(both, promote_options="permissive").field(0)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass  # no type holds both
    return pa.field(held.name, pa.large_string(), metadata=JSON_TEXT)


def _is_json(field: pa.Field) -> bool:
    return JSON_TEXT.items() <= (field.metadata or {}).items()


def _cast_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        column, found = table[field.name], table.schema.field(field.name)
        if _is_json(field) and not _is_json(found):
            texts = [None if raw == b"null" else raw.decode() for raw in raw_values(column)]
            columns.append(pa.array(texts, field.type))
        else:
            columns.append(column if column.type == field.type else column.cast(field.type, safe=False))
    return pa.Table.from_arrays(columns, schema=schema)


# ---- writing


def _write(schema: pa.Schema, tables: Iterable[pa.Table], sink: BinaryIO) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for group in _row_groups(tables):
            writer.write_table(group, row_group_size=group.num_rows)


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    for table in tables:
        if table.num_rows:
            held.append(table)
        if sum(part.nbytes for part in held) >= ROW_GROUP_BYTES:
            yield pa.concat_tables(held)
            held.clear()
    if held:
        yield pa.concat_tables(held)
