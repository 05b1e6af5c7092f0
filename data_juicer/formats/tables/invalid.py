"""Which rows of a table hold what their type does not allow, so that one cell costs one row. Pure.

Arrow trusts what it reads: a string that is not UTF-8 passes unseen until something decodes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.types as pt

from data_juicer.formats.tables.normal import map_entries


def invalid_rows(table: pa.Table) -> dict[int, tuple[str, str]]:
    """Row -> the kind of error and one line for people, for the rows of a normal table that must not be used."""
    found: dict[int, tuple[str, str]] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        array = column.chunk(0) if column.num_chunks else None
        if array is None or is_valid(array):
            continue
        for row in range(len(array)):
            wrong = _find_wrong(array.slice(row, 1))
            if wrong is not None:
                found.setdefault(row, (wrong[0], f"column {name!r}: {wrong[1]}"))
    return found


def is_valid(array: pa.Array) -> bool:
    """Whether strings are UTF-8 and decimals have no more digits than their type says."""
    return _find_wrong(array) is None


def _find_wrong(array: pa.Array) -> tuple[str, str] | None:
    for leaf in _leaves(array):
        try:
            leaf.validate(full=True)
        except pa.ArrowInvalid:
            if pt.is_decimal(leaf.type):
                return "out_of_range", f"a value has more digits than {leaf.type} holds"
            return "invalid_utf8", "a string is not UTF-8"
    return None


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    """Every array of strings or decimals within, cut to the bounds of `array`."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        yield from _leaves(array.storage)
    elif pt.is_dictionary(kind):
        if pt.is_string(kind.value_type) or pt.is_large_string(kind.value_type):
            yield array.dictionary.take(array.indices.drop_null().unique())
    elif pt.is_struct(kind):
        for member in array.flatten():
            yield from _leaves(member)
    elif pt.is_map(kind):
        for entries in map_entries(array):
            yield from _leaves(entries)
    elif pt.is_nested(kind):
        yield from _leaves(array.flatten())
    elif pt.is_string(kind) or pt.is_large_string(kind) or pt.is_decimal(kind):
        yield array
