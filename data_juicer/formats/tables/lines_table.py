"""JSON Lines -> Arrow tables whose types hold every row, see `formats.tables.json_kinds`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from data_juicer.formats.tables.json_kinds import (
    Kind,
    arrow_field,
    decode_number_safe,
    fit_raw,
    join_members,
    kind_of,
)
from data_juicer.rows import json_values


def lines_table(data: bytes, kinds: Mapping[str, Kind] | None = None) -> pa.Table:
    """The rows of JSON Lines, each line a JSON object ending in a newline; a field that a row lacks is null.

    Args:
        kinds: what holds these rows and perhaps others; default: what holds these.
    """
    if kinds is None:
        kinds = join_lines({}, data)
    schema = kinds_schema(kinds)
    rows = [json_values.raw_object(line) for line in _lines(data)]
    columns = [
        pa.array([fit_raw(row.get(name), kind) for row in rows], schema.field(name).type)
        for name, kind in kinds.items()
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def join_lines(kinds: Mapping[str, Kind], data: bytes) -> dict[str, Kind]:
    """The kinds that hold these rows as well."""
    joined = dict(kinds)
    for line in _lines(data):
        row = decode_number_safe(line)
        if not all(type(value) is str and _is_string(joined.get(name)) for name, value in row.items()):
            joined = join_members(joined, {name: kind_of(value) for name, value in row.items()})
    return joined


def kinds_schema(kinds: Mapping[str, Kind]) -> pa.Schema:
    return pa.schema([arrow_field(name, kind) for name, kind in kinds.items()])


def _lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")[:-1]


def _is_string(kind: Kind | None) -> bool:
    return kind is not None and kind.name == "str"
