"""Rows of a Parquet fragment, which is one or more whole row groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from data_juicer.errors import InputError
from data_juicer.formats.base import BadRow, Fragment, ReadRows, read_range, source_changed
from data_juicer.formats.parquet.file import digest_pages, group_bounds, open_file
from data_juicer.formats.tables.arrow_json import raw_values
from data_juicer.formats.tables.rows import TableRows, find_column, is_text
from data_juicer.rows import json_values
from data_juicer.rows.batch import Batch, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow.parquet as pq

    from data_juicer.formats.base import SourceFile


def read_fragment(
    path: str,
    fragment: Fragment,
    text_keys: tuple[str, ...],
    *,
    row_bytes_max: int,  # noqa: ARG001 - rows of Parquet have no bytes of their own to be measured
    offset: int | None = None,
) -> ReadRows:
    """See `formats.base.FragmentReader`. `offset` is given for copies, which hold one fragment each.

    Raises: InputError: also where a text key names no column of strings.
    """
    file = open_file(path)
    _check_digest(path, file, fragment)
    table = _without_views(_read_rows(file, fragment) if offset is None else file.read(use_threads=False))
    columns = {key: _text_column(path, table, key) for key in text_keys}
    bad_mask = np.zeros(table.num_rows, np.bool_)
    for column in columns.values():
        bad_mask |= column.is_null().to_numpy(zero_copy_only=False)
    good = np.flatnonzero(~bad_mask)
    indices = pa.array(good)
    kept = table if len(good) == table.num_rows else table.take(indices)
    texts = {key: column if kept is table else column.take(indices) for key, column in columns.items()}
    bad = tuple(_bad_row(table, columns, row) for row in np.flatnonzero(bad_mask).tolist())
    source = TableRows(kept, texts, good, fragment)
    return ReadRows(batch=Batch.of(source, len(good)), bad=bad, rows_in=table.num_rows)


def check_text_columns(source: SourceFile, text_keys: Sequence[str]) -> None:
    """Raises: InputError: the file is no Parquet file, or a text key names no column of strings in it."""
    empty = open_file(source.path).schema_arrow.empty_table()
    for key in text_keys:
        _text_column(source.path, empty, key)


def _text_column(path: str, table: pa.Table, key: str) -> pa.Array:
    column = find_column(table, key)
    if column is None:
        found = ", ".join(table.column_names)
        raise InputError(f"{path}: there is no column {key!r} (found: {found}). Set text_keys.")
    if not is_text(column.type):
        raise InputError(
            f"{path}: the column {key!r} is of type {column.type}, expected string. Set text_keys."
        )
    text = column.combine_chunks().cast(pa.large_string())
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _bad_row(table: pa.Table, columns: dict[str, pa.Array], row: int) -> BadRow:
    key = next(key for key, column in columns.items() if not column[row].is_valid)
    fields = {name: raw_values(table[name].slice(row, 1))[0] for name in table.column_names}
    return BadRow(
        place=Place(row=row),
        raw=json_values.join_object(fields),
        error_type="text_not_string",
        message=f"field {key!r} is null, expected a string",
    )


def _read_rows(file: pq.ParquetFile, fragment: Fragment) -> pa.Table:
    return file.read_row_groups(list(_groups_of(file, fragment)), use_threads=False)


def _without_views(table: pa.Table) -> pa.Table:
    """Arrow cannot take rows of string views; they become strings."""
    for number, field in enumerate(table.schema):
        if pa.types.is_string_view(field.type):
            table = table.set_column(number, field.name, table[field.name].cast(pa.large_string()))
    return table


def _groups_of(file: pq.ParquetFile, fragment: Fragment) -> range:
    bounds = group_bounds(file)
    inside = [
        number
        for number in range(len(bounds) - 1)
        if fragment.row_start <= bounds[number] and bounds[number + 1] <= fragment.row_stop
    ]
    return range(inside[0], inside[-1] + 1)


def _check_digest(path: str, file: pq.ParquetFile, fragment: Fragment) -> None:
    data = read_range(path, fragment.byte_start, fragment.byte_stop)
    if digest_pages(data, file.schema_arrow) != fragment.digest:
        rows = f"rows {fragment.row_start:,} to {fragment.row_stop:,}"
        raise source_changed(path, f"{rows} are not those of the scan")
