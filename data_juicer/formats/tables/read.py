"""A table that was read -> the rows that can be used as a batch, and the others by name; for every format with columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from data_juicer.errors import InputError
from data_juicer.formats.base import LONG_ROW_BYTES_KEPT, NULL_TEXT, TOO_LONG, BadRow, Fragment, ReadRows
from data_juicer.formats.tables.arrow_json import raw_values
from data_juicer.formats.tables.invalid import invalid_rows
from data_juicer.formats.tables.normal import find_twice, normal_table
from data_juicer.formats.tables.rows import TableRows, find_column, find_type, is_text
from data_juicer.formats.tables.slices import long_rows
from data_juicer.rows import json_values
from data_juicer.rows.batch import Batch
from data_juicer.rows.place import Place

Wrong = tuple[str, str]
"""The kind of an error, and one line for people."""


def check_columns(path: str, schema: pa.Schema, text_keys: Sequence[str]) -> None:
    """Raises: InputError: a text key names no column of strings, or a name is there twice."""
    twice = find_twice(schema)
    if twice is not None:
        raise InputError(
            f"{path}: there are two columns {twice!r}. A row cannot hold both: rename one of them."
        )
    for key in text_keys:
        kind = find_type(schema, key)
        if kind is None:
            raise InputError(
                f"{path}: there is no column {key!r} (found: {', '.join(schema.names)}). Set text_keys."
            )
        if not (is_text(kind) or pa.types.is_null(kind)):  # null: such as of a file without rows
            raise InputError(f"{path}: the column {key!r} is of type {kind}, expected string. Set text_keys.")


def only_columns(path: str, schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    """The schema of these columns alone, in the order of the file; of all where none are named.

    Raises: InputError: there is no such column, or a name is not UTF-8.
    """
    try:
        find_twice(schema)  # which reads every name, those of members too
        str(schema)  # and time zones
    except UnicodeDecodeError as error:
        raise name_not_utf8(path, error) from None
    for name in columns:
        if name not in schema.names:
            raise InputError(
                f"{path}: load_dataset_kwargs.columns: there is no column {name!r} (found: {', '.join(schema.names)}). "
                "Nothing was changed."
            )
    return schema if not columns else pa.schema([field for field in schema if field.name in columns])


def name_not_utf8(path: str, error: UnicodeDecodeError) -> InputError:
    """Arrow gives names as texts of Python, which cannot hold this one."""
    return InputError(
        f"{path}: the name of a column, of a member of one or of a time zone is not UTF-8 ({error.object!r}). "
        "Nothing was processed. Write the file again with names that are."
    )


def read_rows(
    path: str,
    table: pa.Table,
    fragment: Fragment,
    text_keys: Sequence[str],
    row_bytes_max: int,
    *,
    null_is_empty: bool = False,
) -> ReadRows:
    """The rows of a fragment. One cell that cannot be used costs its row.

    Raises: InputError: see `check_columns`.
    """
    check_columns(path, table.schema, text_keys)
    table = normal_table(table)
    wrong = {**_too_long(table, row_bytes_max), **invalid_rows(table)}
    columns = {key: _text_column(table, key) for key in text_keys}
    if null_is_empty:
        columns = {key: column.fill_null("") for key, column in columns.items()}
    for key, column in columns.items():
        for row in np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False)).tolist():
            wrong.setdefault(row, (NULL_TEXT, f"field {key!r} is null, expected a string"))
    good = np.delete(np.arange(table.num_rows), sorted(wrong))
    indices = pa.array(good)
    kept = table if not wrong else table.take(indices)
    texts = {key: column if kept is table else column.take(indices) for key, column in columns.items()}
    bad = tuple(_bad_row(table, row, wrong[row]) for row in sorted(wrong))
    return ReadRows(
        batch=Batch.of(TableRows(kept, texts, good, fragment), len(good)), bad=bad, rows_in=table.num_rows
    )


def only_long_row(
    path: str, beginning: pa.Table, fragment: Fragment, text_keys: Sequence[str], sizes: tuple[int, int]
) -> ReadRows:
    """A fragment of one row that is not read, since it is too long.

    Args:
        beginning: the row with its long values cut, or a table of no rows with its columns.
        sizes: bytes of the row, and how many are read.
    """
    none = read_rows(path, beginning.slice(0, 0), fragment, text_keys, sizes[1])
    if beginning.num_rows:
        bad = _bad_row(normal_table(beginning), 0, _long(*sizes))
    else:
        message = f"the row has {sizes[0]:,} bytes, at most {sizes[1]:,} are read"
        bad = BadRow(place=Place(row=0), raw=b"", error_type=TOO_LONG, message=message)
    return ReadRows(batch=none.batch, bad=(replace(bad, is_whole=False),), rows_in=1)


def _text_column(table: pa.Table, key: str) -> pa.Array:
    column = find_column(table, key)
    assert column is not None, "its type was found"  # noqa: S101
    text = column.combine_chunks()
    if pa.types.is_dictionary(text.type):
        text = text.dictionary.take(text.indices)
    return text.cast(pa.large_string())


def _too_long(table: pa.Table, row_bytes_max: int) -> dict[int, Wrong]:
    return {row: _long(size, row_bytes_max) for row, size in long_rows(table, row_bytes_max).items()}


def _long(size: int, row_bytes_max: int) -> Wrong:
    kept = f"; the first {LONG_ROW_BYTES_KEPT:,} bytes of its JSON are kept here"
    return TOO_LONG, f"the row has {size:,} bytes, at most {row_bytes_max:,} are read{kept}"


def _bad_row(table: pa.Table, row: int, wrong: Wrong) -> BadRow:
    fields = {name: raw_values(table[name].slice(row, 1))[0] for name in table.column_names}
    raw = json_values.join_object(fields)
    is_whole = wrong[0] != TOO_LONG or len(raw) <= LONG_ROW_BYTES_KEPT
    return BadRow(
        place=Place(row=row),
        raw=raw if is_whole else raw[:LONG_ROW_BYTES_KEPT],
        error_type=wrong[0],
        message=wrong[1],
        is_whole=is_whole,
    )
