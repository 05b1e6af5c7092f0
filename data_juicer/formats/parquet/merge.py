"""Result parts of all partitions -> one file with columns, in two passes over the parts and in the memory of a few.

The first pass finds types that hold every row of every part, the second writes. A field that a row lacks is null. Where
no type holds all values of a field exactly (a number here, a string there, an integer beyond 64 bits) the column is a
string column of their JSON texts; so nothing is lost, and the file does not depend on how rows were divided into parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final

import pyarrow as pa

from data_juicer.formats.base import ExportOptions, Merge, Parts, ReadPart
from data_juicer.formats.tables.arrow_kinds import Seen, field_of, is_json_text, join_members, seen_in
from data_juicer.formats.tables.cast import cast_table
from data_juicer.formats.tables.json_kinds import NULL, Kind
from data_juicer.formats.tables.lines_table import join_lines, kinds_schema, lines_table
from data_juicer.formats.tables.normal import is_normal, normal_table

WriteTables = Callable[[pa.Schema, Iterable[pa.Table], BinaryIO], None]
"""Tables of one schema as a file."""

_NO_FIELD: Final = "text"
"""The column of rows without any field, which Parquet cannot count without one."""
_NOTES: Final = frozenset({b"pandas", b"huggingface"})
"""Metadata in which pandas and datasets describe the columns of a file; they refuse a file that it does not fit."""

ROW_GROUP_BYTES: Final = 32 << 20
"""Parts are gathered into row groups of about this size, as Arrow holds them."""


def jsonl_kinds(parts: Parts, read: ReadPart) -> dict[str, Kind]:
    """The kind of each field over all parts of JSON Lines, fields in the order first seen."""
    kinds: dict[str, Kind] = {}
    has_rows = False
    for part in parts:
        data = read(part)
        kinds = join_lines(kinds, data)
        has_rows = has_rows or bool(data)
    return {_NO_FIELD: NULL} if has_rows and not kinds else kinds


def merges(write: WriteTables) -> dict[str, Merge]:
    """How parts of either format become one file of a format with columns."""

    def write_lines(parts: Parts, read: ReadPart, kinds: Mapping[str, Kind], sink: BinaryIO) -> None:
        write(kinds_schema(kinds), (lines_table(read(part), kinds) for part in parts), sink)

    def write_parts(parts: Parts, read: ReadPart, schema: pa.Schema, sink: BinaryIO) -> None:
        tables = (_file_table(read(part)) for part in parts)
        write(schema, (cast_table(table, schema) for table in tables if table.num_rows), sink)

    return {
        "jsonl": Merge(survey=jsonl_kinds, write=write_lines),
        "parquet": Merge(survey=parquet_schema, write=write_parts),
    }


def parquet_schema(parts: Parts, read: ReadPart) -> pa.Schema:
    """A schema that holds all Parquet parts exactly, columns in the order first seen (`formats.tables.arrow_kinds`).

    A part without rows counts only among such: it has the types of the source, although an operator may have made others
    of them in all rows there are. Values are looked at only where the types of a column differ.
    """
    distinct: dict[tuple[bool, bytes], pa.Schema] = {}
    filled: list[str] = []
    for part in parts:
        schema, rows = _file_schema(read(part))
        distinct.setdefault((rows > 0, schema.serialize().to_pybytes()), schema)
        if rows:
            filled.append(part)
    counted = [schema for (has_rows, _), schema in distinct.items() if has_rows == bool(filled)]
    fields = _joined([{field.name: field for field in schema} for schema in counted])
    differing = [name for name, field in fields.items() if field is None]
    if differing:
        seen: dict[str, Seen] = {}
        for number, part in enumerate(filled or parts):
            found = _seen_columns(_file_table(read(part), differing))
            seen = found if number == 0 else join_members(seen, found)
        fields |= {name: field_of(name, seen[name]) for name in differing}
    metadata = next((schema.metadata for schema in counted if schema.metadata), None)
    made = pa.schema([field for field in fields.values() if field is not None], metadata=metadata)
    return made if all(made.equals(schema) for schema in counted) else _without_notes(made)


# ---- Parquet


def _file_schema(data: bytes) -> tuple[pa.Schema, int]:
    """The schema, and the number of rows."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data))
    return file.schema_arrow, file.metadata.num_rows


def _file_table(data: bytes, names: Sequence[str] | None = None) -> pa.Table:
    """A part, or these columns of it, in normal types."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data))
    columns = None if names is None else [name for name in names if name in file.schema_arrow.names]
    return normal_table(file.read(columns, use_threads=False))


def _joined(schemas: Sequence[Mapping[str, pa.Field]]) -> dict[str, pa.Field | None]:
    """Each column's field where all that have it agree; None where they do not."""
    fields: dict[str, pa.Field | None] = {}
    for name in dict.fromkeys(name for schema in schemas for name in schema):
        same_name = [schema[name] for schema in schemas if name in schema]
        nullable = len(same_name) < len(schemas) or any(field.nullable for field in same_name)
        is_one = all(
            is_normal(field.type)
            and field.type.equals(same_name[0].type, check_metadata=True)
            and is_json_text(field) == is_json_text(same_name[0])
            for field in same_name
        )
        fields[name] = same_name[0].with_nullable(nullable) if is_one else None
    return fields


def _seen_columns(table: pa.Table) -> dict[str, Seen]:
    return {field.name: seen_in(field, table[field.name].combine_chunks()) for field in table.schema}


def _without_notes(schema: pa.Schema) -> pa.Schema:
    """Without what other libraries wrote about columns that are others now."""
    notes = {key: note for key, note in (schema.metadata or {}).items() if key not in _NOTES}
    return schema.with_metadata(notes or None)


# ---- writing


def parquet_file(options: ExportOptions = ExportOptions()) -> WriteTables:  # noqa: B008 - frozen
    """Writes Parquet, with zstd and row groups of about ROW_GROUP_BYTES unless options say otherwise."""

    def write(schema: pa.Schema, tables: Iterable[pa.Table], sink: BinaryIO) -> None:
        import pyarrow.parquet as pq

        compression, level = options.compression or "zstd", options.compression_level
        rows = options.row_group_size
        groups = gathered(tables) if rows is None else _groups_of(tables, rows)
        with pq.ParquetWriter(sink, schema, compression=compression, compression_level=level) as writer:
            for group in groups:
                writer.write_table(group, row_group_size=group.num_rows)

    return write


def gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Tables of about ROW_GROUP_BYTES or more, and what is left."""
    waiting: list[pa.Table] = []
    for table in tables:
        if table.num_rows:
            waiting.append(table)
        if sum(part.nbytes for part in waiting) >= ROW_GROUP_BYTES:
            yield pa.concat_tables(waiting)
            waiting.clear()
    if waiting:
        yield pa.concat_tables(waiting)


def _groups_of(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Tables of so many rows, and what is left."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += table.num_rows
        if count < rows:
            continue
        whole = pa.concat_tables(waiting)
        for start in range(0, count - count % rows, rows):
            yield whole.slice(start, rows)
        waiting, count = [whole.slice(count - count % rows)], count % rows
    if count:
        yield pa.concat_tables(waiting)
