"""Columns of one part in the types that hold all parts, value for value. Pure."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from data_juicer.formats.tables.arrow_json import raw_values
from data_juicer.formats.tables.arrow_kinds import is_json_text
from data_juicer.formats.tables.normal import list_array, map_array, map_entries


def cast_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with the columns of `schema`, which holds them (`formats.tables.arrow_kinds`); what a row lacks is null."""
    columns = []
    for wanted in schema:
        if wanted.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, wanted.type))
            continue
        column = table[wanted.name]
        columns.append(cast(_one(column), table.schema.field(wanted.name), wanted))
    return pa.Table.from_arrays(columns, schema=schema)


def _one(column: pa.ChunkedArray) -> pa.Array:
    return pa.nulls(0, column.type) if column.num_chunks == 0 else pa.concat_arrays(column.chunks)


def cast(array: pa.Array, found: pa.Field, wanted: pa.Field) -> pa.Array:
    """Raises: pa.ArrowInvalid: the type does not hold the values, which is an error of ours."""
    kind = wanted.type
    if is_json_text(wanted):
        return array.cast(kind) if is_json_text(found) else json_texts(array)
    if array.type.equals(kind, check_metadata=True) or (array.type == kind and not pt.is_nested(kind)):
        return array  # metadata within says which strings are JSON text
    if pt.is_null(array.type):
        return pa.nulls(len(array), kind)
    if pt.is_struct(kind):
        return _struct(array, kind)
    if pt.is_map(kind):
        keys, items = map_entries(array)
        made = map_array(
            array,
            cast(keys, array.type.key_field, kind.key_field),
            cast(items, array.type.item_field, kind.item_field),
        )
        return made.cast(kind) if made.type != kind else made
    if pt.is_fixed_size_list(kind):
        inner = array.values.slice(array.offset * kind.list_size, len(array) * kind.list_size)
        items = cast(inner, array.type.value_field, kind.value_field)
        return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=array.is_null())
    if pt.is_list(kind) or pt.is_large_list(kind):
        items = cast(array.flatten(), array.type.value_field, kind.value_field)
        made = list_array(array, items, kind.value_field)
        return made if made.type == kind else made.cast(kind)
    return array.cast(kind, safe=True)


def json_texts(array: pa.Array) -> pa.Array:
    """Values as their JSON text; null stays null."""
    texts = [None if raw == b"null" else raw.decode() for raw in raw_values(array)]
    return pa.array(texts, pa.large_string())


def _struct(array: pa.StructArray, kind: pa.StructType) -> pa.StructArray:
    by_name = {child.name: (child, member) for child, member in zip(array.type, array.flatten(), strict=True)}
    members: list[Any] = [
        cast(by_name[wanted.name][1], by_name[wanted.name][0], wanted)
        if wanted.name in by_name
        else pa.nulls(len(array), wanted.type)
        for wanted in kind
    ]
    return pa.StructArray.from_arrays(members, fields=list(kind), mask=array.is_null())
