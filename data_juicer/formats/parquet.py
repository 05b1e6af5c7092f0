"""Parquet: a fragment is one or more whole row groups. Rows keep their Arrow values until an operator asks for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.arrow_json import raw_values
from data_juicer.formats.base import SOURCE_SHIFT_BITS, BadRow, Fragment, ReadRows, read_range, source_changed
from data_juicer.ops import values
from data_juicer.ops.batch import Batch, Place
from data_juicer.ops.fields import completed

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from data_juicer.formats.base import FragmentLimits, SourceFile


class TableRows:
    """The good rows of one fragment as an Arrow table. A `RowSource`."""

    def __init__(
        self, table: pa.Table, texts: dict[str, pa.Array], good: npt.NDArray[Any], fragment: Fragment
    ) -> None:
        self.table = table
        self._texts = texts
        self._good = good
        self._fragment = fragment
        self._raw: dict[str, list[bytes]] = {}

    def __len__(self) -> int:
        rows: int = self.table.num_rows
        return rows

    def text(self, key: str) -> pa.Array:
        return self._texts[key]

    def fields(self, origin: int) -> dict[str, bytes]:
        return {name: self._raw_column(name)[origin] for name in self.table.column_names}

    def field(self, key: str) -> pa.Array:
        column = find_column(self.table, key)
        raw = [None] * len(self) if column is None else self._raw_column(key)
        return completed(pa.array(raw, pa.large_binary()), key, self._fragment.suffix)

    def _raw_column(self, key: str) -> list[bytes]:
        if key not in self._raw:
            self._raw[key] = raw_values(find_column(self.table, key))
        return self._raw[key]

    def row_ids(self) -> npt.NDArray[np.uint64]:
        first = (self._fragment.source << SOURCE_SHIFT_BITS) + self._fragment.row_start
        return (self._good + first).astype(np.uint64)

    def place(self, origin: int) -> Place:
        return Place(line=0, byte_offset=-1, raw=values.join_object(self.fields(origin)))


def scan_row_groups(source: SourceFile, limits: FragmentLimits) -> list[Fragment] | None:
    """The fragments of a file, as many whole row groups in each as fit; None where a row group is too large for one.

    Raises: InputError: the file is no whole Parquet file.
    """
    file = _open(source.path)
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    sizes = [group.total_byte_size for group in groups]
    if any(
        group.num_rows > limits.rows_max or (size > limits.size_bytes_max and group.num_rows > 1)
        for group, size in zip(groups, sizes, strict=True)
    ):
        return None
    fragments: list[Fragment] = []
    first = row_start = rows = size = 0
    for number, group in enumerate(groups):
        if rows and (rows + group.num_rows > limits.rows_max or size + sizes[number] > limits.size_bytes_max):
            fragments.append(_fragment(source, file, range(first, number), row_start, rows))
            first, row_start, rows, size = number, row_start + rows, 0, 0
        rows += group.num_rows
        size += sizes[number]
    if rows:
        fragments.append(_fragment(source, file, range(first, len(groups)), row_start, rows))
    return fragments


def unpack_slices(source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """The rows of a file in slices that fit, each as a Parquet file of its own with the fragment that it is.

    Memory: the rows of one slice, and one row group as Parquet pages it in.
    """
    from data_juicer.formats.parquet_write import parquet_bytes

    file = _open(source.path)
    row_start = 0
    for table in _slices(file, limits):
        data = parquet_bytes(table)
        yield (
            Fragment(
                source=source.index,
                row_start=row_start,
                row_stop=row_start + table.num_rows,
                byte_start=0,
                byte_stop=len(data),
                digest=_digest(data, table.schema),
            ),
            data,
        )
        row_start += table.num_rows


def _slices(file: pq.ParquetFile, limits: FragmentLimits) -> Iterator[pa.Table]:
    for batch in file.iter_batches(batch_size=limits.rows_max, use_threads=False):
        rows_left = pa.Table.from_batches([batch])
        while rows_left.num_rows:
            average = max(1, rows_left.nbytes // rows_left.num_rows)
            rows = max(1, min(rows_left.num_rows, limits.size_bytes_max // average))
            yield rows_left.slice(0, rows)
            rows_left = rows_left.slice(rows)


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
    file = _open(path)
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


def check_text_columns(path: str, text_keys: tuple[str, ...]) -> None:
    """Raises: InputError: the file is no Parquet file, or a text key names no column of strings in it."""
    empty = _open(path).schema_arrow.empty_table()
    for key in text_keys:
        _text_column(path, empty, key)


def find_column(table: pa.Table, key: str) -> pa.ChunkedArray | None:
    """The column `key`; `a.b` reaches into the struct column `a` where the table has no column of that name."""
    if key in table.column_names:
        return table[key]
    head, dot, rest = key.partition(".")
    if not dot or head not in table.column_names or not pa.types.is_struct(table.schema.field(head).type):
        return None
    inner = pa.Table.from_arrays(
        table[head].flatten(), [field.name for field in table.schema.field(head).type]
    )
    return find_column(inner, rest)


def is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


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
        row=row,
        line=0,
        byte_offset=-1,
        raw=values.join_object(fields),
        error_type="text_not_string",
        message=f"field {key!r} is null, expected a string",
    )


def _open(path: str) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, memory_map=False)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: not a whole Parquet file: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _read_rows(file: pq.ParquetFile, fragment: Fragment) -> pa.Table:
    return file.read_row_groups(list(_groups_of(file, fragment)), use_threads=False)


def _without_views(table: pa.Table) -> pa.Table:
    """Arrow cannot take rows of string views; they become strings."""
    for number, field in enumerate(table.schema):
        if pa.types.is_string_view(field.type):
            table = table.set_column(number, field.name, table[field.name].cast(pa.large_string()))
    return table


def _groups_of(file: pq.ParquetFile, fragment: Fragment) -> range:
    counts = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
    bounds = np.concatenate(([0], np.cumsum(counts))).tolist()
    inside = [
        number
        for number in range(len(counts))
        if fragment.row_start <= bounds[number] and bounds[number + 1] <= fragment.row_stop
    ]
    return range(inside[0], inside[-1] + 1)


def _fragment(source: SourceFile, file: pq.ParquetFile, groups: range, row_start: int, rows: int) -> Fragment:
    start, stop = _byte_range(file, groups)
    data = read_range(source.path, start, stop)
    return Fragment(
        source=source.index,
        row_start=row_start,
        row_stop=row_start + rows,
        byte_start=start,
        byte_stop=stop,
        digest=_digest(data, file.schema_arrow),
    )


def _byte_range(file: pq.ParquetFile, groups: range) -> tuple[int, int]:
    chunks = [
        file.metadata.row_group(group).column(column)
        for group in groups
        for column in range(file.metadata.num_columns)
    ]
    starts = [chunk.dictionary_page_offset or chunk.data_page_offset for chunk in chunks]
    stops = [start + chunk.total_compressed_size for start, chunk in zip(starts, chunks, strict=True)]
    return min(starts), max(stops)


def _digest(data: bytes, schema: pa.Schema) -> str:
    """Of the pages and of names and types: with equal pages and other names the rows are others."""
    state = xxhash.xxh3_128(data)
    state.update(str(schema.remove_metadata()).encode())
    return state.hexdigest()


def _check_digest(path: str, file: pq.ParquetFile, fragment: Fragment) -> None:
    data = read_range(path, fragment.byte_start, fragment.byte_stop)
    if _digest(data, file.schema_arrow) != fragment.digest:
        rows = f"rows {fragment.row_start:,} to {fragment.row_stop:,}"
        raise source_changed(path, f"{rows} are not those of the scan")
